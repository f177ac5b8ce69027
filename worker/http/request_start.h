// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace monodon::http {

// Microseconds since 1970 that X-Request-Start names: when the proxy got the request.
// "t=1700000000.123" as nginx writes it ($msec), or without "t=", or whole milli- or
// microseconds, told apart by their size. 0: none of these. Pure.
[[nodiscard]] std::uint64_t parse_request_start(std::string_view value) noexcept;

}  // namespace monodon::http

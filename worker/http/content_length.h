// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/text/number.h"

namespace monodon::http {

// RFC 9110 8.6, of requests and responses: digits alone, and no more than a file offset
// can be. Pure.
[[nodiscard]] inline std::optional<std::uint64_t> parse_content_length(
    std::string_view value) noexcept {
  return parse_number(value, std::numeric_limits<std::int64_t>::max());
}

}  // namespace monodon::http

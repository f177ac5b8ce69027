// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon::metrics {

// The text as a gzip file (RFC 1952), for Content-Encoding. "" where it cannot be made.
[[nodiscard]] std::string gzip(std::string_view text);

// Whether an Accept-Encoding takes gzip (RFC 9110 12.5.3): named, or "*", and not with
// q=0.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

}  // namespace monodon::metrics

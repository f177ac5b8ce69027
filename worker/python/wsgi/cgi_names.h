// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon::python {

// The rules by which parts of a request become CGI variables (RFC 3875). Pure, and
// without Python, so that they can be tested by themselves.

// "example.org:81" -> {"example.org", "81"}, "[::1]" -> {"[::1]", ""}.
struct HostPort {
  std::string_view host;
  std::string_view port;
};
[[nodiscard]] HostPort split_host(std::string_view authority) noexcept;

// "HTTP_X_FORWARDED_FOR" for "X-Forwarded-For"; CONTENT_TYPE and CONTENT_LENGTH have
// no prefix (RFC 3875 4.1.18).
[[nodiscard]] std::string environ_key(std::string_view field_name);

}  // namespace monodon::python

// SPDX-License-Identifier: Apache-2.0
// CGI's names and values, without Python.
#include "worker/python/wsgi/cgi_names.h"

namespace monodon::python {

HostPort split_host(std::string_view authority) noexcept {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        (bracket == std::string_view::npos || colon > bracket);
  if (!has_port) return {authority, {}};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

std::string environ_key(std::string_view field_name) {
  std::string key = "HTTP_";
  for (const char c : field_name) {
    if (c == '-')
      key += '_';
    else
      key += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  if (key == "HTTP_CONTENT_TYPE" || key == "HTTP_CONTENT_LENGTH") key.erase(0, 5);
  return key;
}

}  // namespace monodon::python

// SPDX-License-Identifier: Apache-2.0
#include "worker/python/wsgi/cgi_names.h"

namespace monodon::python {
namespace {

// -1: not a hexadecimal digit.
int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

HostPort split_host(std::string_view authority) noexcept {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        (bracket == std::string_view::npos || colon > bracket);
  if (!has_port) return {authority, {}};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

void percent_decode(std::string_view path, std::string& to) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      const int high = hex(path[i + 1]);
      const int low = hex(path[i + 2]);
      if (high >= 0 && low >= 0) {
        to += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    to += path[i];
  }
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

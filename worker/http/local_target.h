// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon::http {

// Where a request by Monodon itself goes: warm_up, health_check.
struct LocalTarget {
  std::string_view host;
  std::string_view path;
  bool secure = false;
};

// "/path", or "http://host/path" to name the Host; with "https://" the request is what
// a proxy makes of one over TLS. Pure.
LocalTarget parse_local_target(std::string_view setting);

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
// The address of a request that Monodon makes itself, taken apart.
#include "worker/http/local_target.h"

namespace monodon::http {

LocalTarget parse_local_target(std::string_view setting) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!setting.starts_with(scheme)) continue;
    const bool secure = scheme == "https://";
    const std::string_view rest = setting.substr(scheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return {rest, "/", secure};
    return {rest.substr(0, slash), rest.substr(slash), secure};
  }
  return {"localhost", setting, false};
}

}  // namespace monodon::http

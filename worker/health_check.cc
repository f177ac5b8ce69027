// SPDX-License-Identifier: Apache-2.0
#include "worker/health_check.h"

#include <fmt/core.h>

#include "worker/local_request.h"

namespace monodon::worker {

HealthTarget parse_health_check(std::string_view setting) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!setting.starts_with(scheme)) continue;
    const std::string_view rest = setting.substr(scheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return {rest, "/"};
    return {rest.substr(0, slash), rest.substr(slash)};
  }
  return {"localhost", setting};
}

std::string check_health(Application& app, const Boot& boot) {
  const std::string& setting = boot.settings.health_check;
  const auto [host, path] = parse_health_check(setting);
  const auto answer = serve_locally(app, boot, local_head(path, host));
  if (!answer)
    return fmt::format("health check {}: {}", setting, answer.error().message());
  const LocalAnswer& a = answer.value();
  if (!a.failure.empty()) return fmt::format("health check {}: {}", setting, a.failure);
  if (a.status >= 400 || a.status < 200)
    return fmt::format("health check {} was answered with status {}", setting,
                       a.status);
  if (!a.finished)
    return fmt::format("health check {}: the answer is cut short", setting);
  return {};
}

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
// The request that a new worker makes inside itself.
#include "worker/process/health_check.h"

#include <fmt/core.h>

#include "base/text/text.h"
#include "worker/process/local_request.h"

namespace monodon::worker {

std::string check_health(Application& app, const Boot& boot) {
  const std::string& setting = boot.settings.health_check;
  const auto answer = get_locally(app, boot, http::parse_local_target(setting));
  if (!answer)
    return fmt::format("health check {}: {}", setting, answer.error().message());
  const LocalAnswer& a = answer.value();
  if (!a.failure.empty()) {
    return fmt::format("health check {}: {}", setting, reason_first_and_last(a));
  }
  if (a.status >= 400 || a.status < 200)
    return fmt::format("health check {} was answered with status {}", setting,
                       a.status);
  if (!a.finished)
    return fmt::format("health check {}: the answer is cut short", setting);
  return {};
}

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "worker/application.h"

namespace monodon::worker {

struct HealthTarget {
  std::string_view host;
  std::string_view path;
};

// "/path", or "http://host/path" (https likewise) to name the Host. Pure.
HealthTarget parse_health_check(std::string_view setting);

// Makes the request of settings.health_check inside this process. Returns why it was
// not answered as it should be (a status below 400, complete), or "". Worker, main
// thread, before it serves; the master's clock bounds it.
std::string check_health(Application& app, const Boot& boot);

}  // namespace monodon::worker

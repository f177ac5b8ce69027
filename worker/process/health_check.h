// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "worker/application.h"

namespace monodon::worker {

// Makes the request of settings.health_check inside this process. Returns why it was
// not answered as it should be (a status below 400, complete), or "". Worker, main
// thread, before it serves; the master's clock bounds it.
std::string check_health(Application& app, const Boot& boot);

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "master/config/check.h"

namespace monodon::master {

// What this machine lacks for them: directories, users, groups. Reads, never writes.
[[nodiscard]] std::vector<Finding> check_host(const Settings& settings);

}  // namespace monodon::master

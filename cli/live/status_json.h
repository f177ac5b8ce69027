// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/live/server_status.h"

namespace monodon::cli {

// For programs: one JSON object with a newline. Safe to print whatever clients and
// workers wrote. Pure.
std::string status_json(const ServerStatus& status);

}  // namespace monodon::cli

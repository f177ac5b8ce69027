// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/live/server_status.h"

namespace monodon::cli {

// For people: a table, no wider than the texts need. Safe to print whatever clients and
// workers wrote. Pure.
std::string status_table(const ServerStatus& status);

// How workers get the application, and what that means for a deploy: a line or two,
// safe to print. Pure.
std::vector<std::string> preload_lines(const ServerStatus::Preload& preload);

}  // namespace monodon::cli

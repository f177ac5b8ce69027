// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/live/server_status.h"

namespace monodon::cli {

// For people: a table, no wider than the texts need. Safe to print whatever clients and
// workers wrote. Pure.
std::string status_table(const ServerStatus& status);

}  // namespace monodon::cli

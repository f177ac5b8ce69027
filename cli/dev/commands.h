// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/flags/exit_status.h"
#include "master/config/load.h"

namespace monodon::cli {

// `monodon dev`: finds the application where none is named, sets what goes with writing
// code, takes a port that is free, and serves until Ctrl-C. Returns the exit status.
int run_dev(master::CommandLine line);

}  // namespace monodon::cli

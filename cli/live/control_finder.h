// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "cli/live/commands.h"

namespace monodon::cli {

// Where the running server listens for orders. In this order:
//
//   --control
//   the runtime_directory of the file that -c names
//   $RUNTIME_DIRECTORY (systemd.exec(5)), so that ExecReload= needs nothing
//   the runtime_directory of ./monodon.yaml
//   servers that answer below /run/monodon* and in the private directories of this
//   user (base/runtime_directory.h). Of several: those that read the same file, or
//   else run in this directory.
//
// Servers are asked who they are where there is a choice. A server that reads another
// file is never taken for that of -c or of ./monodon.yaml. An Error says where it was
// looked for, or lists the servers to choose from.
Result<std::string> find_control_socket(const ControlOptions& options);

}  // namespace monodon::cli

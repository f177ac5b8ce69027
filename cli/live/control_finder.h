// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/live/commands.h"
#include "cli/live/sites.h"

namespace monodon::cli {

// The server that a command is about, or those that it may be about.
struct Choice {
  std::string path;             // of its control socket; "": several, none was named
  std::vector<LiveSite> sites;  // those, two or more
};

// Where the running server listens for orders. In this order:
//
//   --control
//   SITE: the server of that name, unit, application, pid, address or port; of this
//   user's and the system's first, for root of anybody's
//   the runtime_directory of the file that -c names
//   $RUNTIME_DIRECTORY (systemd.exec(5)), so that ExecReload= needs nothing
//   the runtime_directory of ./monodon.yaml
//   servers that answer (cli/live/sites.h). Of several: those that read the same file,
//   or else run in this directory
//
// Where nobody answers in the directory that a file names, it is the server that has
// read the file or, for ./monodon.yaml, that was started in this directory with none.
//
// Servers are asked who they are where there is a choice. A server that reads another
// file is never taken for that of -c or of ./monodon.yaml. An Error says where it was
// looked for, or lists the servers to choose from.
Result<Choice> choose_server(const ControlOptions& options);

// The same for a command that is about one server: several are an Error.
Result<std::string> find_control_socket(const ControlOptions& options);

// That nobody answers, and where it was looked.
Error no_server();

}  // namespace monodon::cli

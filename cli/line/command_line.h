// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/dev/commands.h"
#include "cli/flags/environment.h"
#include "cli/line/commands.h"
#include "cli/line/site_commands.h"
#include "cli/live/commands.h"
#include "cli/watch/commands.h"

namespace monodon::cli {

// What the user asked for, ready to be run.
struct Invocation {
  Command command = Command::serve;
  master::CommandLine line;  // serve, check
  CheckOptions check;
  ControlOptions control;  // status, reload, top, trace
  TopOptions top;
  SiteOptions site;    // import, init, doctor
  std::string what;    // generate
  WatchOptions watch;  // which a master starts
};

// Or, where that is all: text to print (help, version, usage errors) and the status to
// exit with.
struct Parsed {
  std::optional<Invocation> invocation;
  int status = kGood;
  std::string output;  // for stdout
  std::string error;   // for stderr
};

// Takes a command line apart, without the program's name. Pure but for the directory
// the process is in.
[[nodiscard]] Parsed parse_command_line(std::vector<std::string> arguments,
                                        const Variables& variables);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/flags/environment.h"

namespace monodon::cli {

enum class Command : std::uint8_t {
  serve,
  check,
  status,
  reload,
  upgrade,
  top,
  trace,
  import,
  init,
  doctor,
  generate
};

// What the user asked for, ready to be run.
struct Invocation {
  Command command = Command::serve;
  master::CommandLine line;  // serve, check
  CheckOptions check;
  ControlOptions control;  // status, reload, top, trace
  TopOptions top;
  ImportOptions import;
  InitOptions init;
  DoctorOptions doctor;
  std::string what;  // generate
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

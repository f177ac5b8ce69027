// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/files/file_rights.h"
#include "base/result.h"

namespace monodon {

struct Finished {
  int status = 0;      // exit status; 128 + signal where one ended it
  std::string output;  // what it wrote to stdout, at most 16 MiB
  std::string errors;  // and to stderr
};

// Runs a program to its end and returns what it said. `argv[0]` is looked for in PATH
// where it has no '/'. It gets our environment without what systemd says to a service,
// an empty stdin and, if that is not "", another working directory; all signals at
// their default. After `patience` it is killed, which is an Error, as is a program that
// cannot be started. Any status is success.
//
// Blocks the caller, and is for processes with one thread: tools, and the master, which
// calls it only before it serves or reloads.
Result<Finished> run_program(const std::vector<std::string>& argv,
                             std::chrono::milliseconds patience,
                             const std::string& directory = {},
                             const Credentials* user = nullptr);

// Our environment without what systemd says to a service, "KEY=value".
std::vector<std::string> environment_of_children();

// All that a file holds, from its beginning; at most 16 MiB.
std::string content_of(int fd);

}  // namespace monodon

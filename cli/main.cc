// SPDX-License-Identifier: Apache-2.0
// The program monodon: hands each command to its room.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>

#include "cli/line/command_line.h"

namespace {

using namespace monodon::cli;

int run(const Invocation& asked) {
  switch (asked.command) {
    case Command::serve:
      return run_serve(asked.line);
    case Command::dev:
      return run_dev(asked.line);
    case Command::check:
      return run_check(asked.line, asked.check);
    case Command::status:
      return run_status(asked.control);
    case Command::ls:
      return run_ls(asked.control);
    case Command::scale:
      return run_scale(asked.control);
    case Command::reload:
      return run_reload(asked.control);
    case Command::upgrade:
      return run_upgrade(asked.control);
    case Command::top:
      return run_top(asked.control, asked.top);
    case Command::trace:
      return run_trace(asked.control);
    case Command::import:
      return run_import(asked.site.import);
    case Command::init:
      return run_init(asked.site.init);
    case Command::doctor:
      return run_doctor(asked.site.doctor);
    case Command::generate:
      return run_generate(asked.what);
    case Command::watch:
      return run_watch(asked.watch);
  }
  return kBadUsage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Parsed parsed =
        parse_command_line({argv + 1, argv + argc}, environment_variables());
    // Before the title of the process is written over it.
    if (parsed.invocation) parsed.invocation->line.argv = {argv, argv + argc};
    std::fputs(parsed.output.c_str(), stdout);
    std::fputs(parsed.error.c_str(), stderr);
    return parsed.invocation ? run(*parsed.invocation) : parsed.status;
  } catch (const std::exception& e) {
    std::error_code removed;
    const auto directory = std::filesystem::current_path(removed);
    if (directory.empty()) {
      std::fputs(
          "monodon: the current directory was removed; where it was made anew, "
          "cd \"$PWD\" enters it\n",
          stderr);
      return kBadConfiguration;
    }
    // Only start-up throws: nothing is served yet that unwinding could hurt.
    std::fprintf(stderr, "monodon: %s\n", e.what());
    return kBadConfiguration;
  }
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "cli/flags/exit_status.h"
#include "master/config/load.h"

namespace monodon::cli {

enum class Command : std::uint8_t {
  serve,
  dev,
  check,
  status,
  ls,
  reload,
  scale,
  upgrade,
  top,
  trace,
  import,
  init,
  doctor,
  generate,
  watch
};

struct CheckOptions {
  bool import_application = true;
  bool call_hooks = false;  // pre_fork, post_fork, pre_stop, those of gunicorn.conf.py
  bool print = false;       // the merged settings, as a file that says the same
  bool one_status = false;  // 1 for every failure, as Gunicorn's --check-config
};

// Each runs one command to its end and returns its exit status.
int run_serve(const master::CommandLine& line);
int run_check(const master::CommandLine& line, const CheckOptions& options);
int run_generate(const std::string& what);

// Problems to stderr, a line each; kBadConfiguration.
int report_problems(const master::ConfigResult& result);

}  // namespace monodon::cli

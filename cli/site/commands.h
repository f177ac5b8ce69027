// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/flags/exit_status.h"
#include "cli/site/site_files.h"

namespace monodon::cli {

struct ImportOptions {
  std::vector<std::string> what;  // a unit, a gunicorn.conf.py, or a command line
  std::string directory;          // it is started in; "" = the unit's, or ours
  std::string python;             // "" = search
  std::string service;            // of several in a file; "" = the first
  bool unit = false;              // print the unit, not the settings
};

struct InitOptions {
  Site site;  // as far as it was described
  std::string output = ".";
  bool yes = false;  // overwrite without asking
};

// Each runs one command to its end and returns its exit status.
int run_import(const ImportOptions& options);
int run_init(const InitOptions& options);

}  // namespace monodon::cli

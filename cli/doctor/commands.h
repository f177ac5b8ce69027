// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace monodon::cli {

struct DoctorOptions {
  std::string site;         // "" = every service of ours
  std::string root;         // a tree of files; "" = what runs
  std::string socket;       // look at this socket alone
  std::string user;         // who connects to it; "" = whom nginx runs as
  std::string config_file;  // of a server that no systemd runs
  bool json = false;
};

// Runs the command to its end; 0: nothing found but notes, 1: warnings, 2: errors.
int run_doctor(const DoctorOptions& options);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/flags/exit_status.h"

namespace monodon::cli {

// How status, top, trace and the others find the server they are about.
struct ControlOptions {
  std::string control;               // path of the control socket; "" = search
  std::string config_file;           // -c; names runtime_directory
  std::string site;                  // by name; "" = the one that runs
  bool all = false;                  // status, top: every server of this machine
  bool json = false;                 // status, ls
  bool names_only = false;           // ls only
  std::vector<std::uint32_t> slots;  // trace only; empty = all
  bool everything = false;           // trace only: idle workers, every frame
  std::uint32_t workers = 0;         // scale only
  double patience = 5;               // trace only; seconds for each worker
  bool rehearse = true;              // reload only
  bool wait = true;                  // reload only: for its end
  double timeout = 0;                // reload only, seconds; 0: none
};

struct TopOptions {
  bool once = false;           // one picture to stdout, as text
  bool batch = false;          // one after the other
  std::uint64_t pictures = 0;  // batch: how many; 0: no end
  double delay = 1;            // seconds between two looks
  std::string sort = "slot";   // a name in kSortKeys
};

// Each runs one command to its end and returns its exit status.
int run_status(const ControlOptions& options);
int run_reload(const ControlOptions& options);
int run_upgrade(const ControlOptions& options);
int run_top(const ControlOptions& options, const TopOptions& top);
int run_trace(const ControlOptions& options);
int run_scale(const ControlOptions& options);
int run_ls(const ControlOptions& options);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/site/site_files.h"
#include "master/config/load.h"

namespace monodon::cli {

// Exit statuses of every command; those of the application itself (3, 4) are
// wire::LoadFailure. The first four are Gunicorn's as well.
inline constexpr int kGood = 0;
inline constexpr int kBadConfiguration = 1;
inline constexpr int kBadUsage = 2;

struct CheckOptions {
  bool import_application = true;
  bool print = false;       // the merged settings, as a file that says the same
  bool one_status = false;  // 1 for every failure, as Gunicorn's --check-config
};

// How status, top, trace and reload find the server they are about.
struct ControlOptions {
  std::string control;               // path of the control socket; "" = search
  std::string config_file;           // -c; names runtime_directory
  bool json = false;                 // status only
  std::vector<std::uint32_t> slots;  // trace only; empty = all
  double patience = 5;               // trace only; seconds for each worker
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

struct ImportOptions {
  std::vector<std::string> what;  // a unit, a gunicorn.conf.py, or a command line
  std::string directory;          // it is started in; "" = the unit's, or ours
  std::string python;             // "" = search
  bool unit = false;              // print the unit, not the settings
};

struct InitOptions {
  Site site;  // as far as it was described
  std::string output = ".";
  bool yes = false;  // overwrite without asking
};

struct DoctorOptions {
  std::string site;  // "" = every service of ours
  std::string root;  // a tree of files; "" = what runs
  bool json = false;
};

// Each runs one command to its end and returns its exit status.
int run_serve(const master::CommandLine& line);
int run_check(const master::CommandLine& line, const CheckOptions& options);
int run_status(const ControlOptions& options);
int run_reload(const ControlOptions& options);
int run_upgrade(const ControlOptions& options);
int run_top(const ControlOptions& options, const TopOptions& top);
int run_trace(const ControlOptions& options);
int run_import(const ImportOptions& options);
int run_init(const InitOptions& options);
// 0: nothing found, 1: warnings, 2: errors.
int run_doctor(const DoctorOptions& options);
int run_generate(const std::string& what);

// Problems to stderr, a line each; kBadConfiguration.
int report_problems(const master::ConfigResult& result);

}  // namespace monodon::cli

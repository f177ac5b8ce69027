// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/flags/environment.h"
#include "cli/site/unit_file.h"
#include "master/config/load.h"

namespace monodon::cli {

// A service as Gunicorn runs it, in Gunicorn's words.
struct GunicornService {
  std::string name;                // "site" of site.service; "" where there is no unit
  std::vector<std::string> flags;  // without the program
  Variables environment;           // that the unit sets
  std::string directory;           // it is started in, absolute
  std::string python;              // the interpreter that runs it; "" = search
  std::string user;                // of the unit; "" where it names none
};

// What takes its place.
struct Imported {
  std::string yaml;                      // checked by our own reader
  std::vector<std::string> differences;  // a sentence each
  std::vector<std::string> problems;     // what cannot be taken over at all
  std::string application;
  std::string access_log, error_log;
  std::vector<std::string> bind;       // as it was given
  std::uint64_t graceful_timeout = 0;  // milliseconds
};

// The words of ExecStart= of a unit, the program first; empty where it does not run
// Gunicorn. Pure.
[[nodiscard]] std::vector<std::string> gunicorn_words(const std::string& exec_start);

// What the unit says about it. Pure.
[[nodiscard]] Result<GunicornService> read_gunicorn_unit(const UnitFile& unit,
                                                         const std::string& name);

// Runs the gunicorn.conf.py that it names, if it does; reads nothing else.
[[nodiscard]] Imported import_service(const GunicornService& service);

}  // namespace monodon::cli

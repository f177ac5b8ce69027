// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/site/gunicorn_service.h"
#include "master/config/load.h"

namespace monodon::cli {

// What takes its place.
struct Imported {
  std::string yaml;                      // checked by our own reader
  std::vector<std::string> differences;  // a sentence each
  std::vector<std::string> problems;     // what cannot be taken over at all
  std::string application;
  std::string access_log, error_log;
  std::vector<std::string> bind;       // as it was given
  std::vector<std::string> wrapper;    // words to stand before monodon
  std::vector<std::string> variables;  // that are settings now, and must not be set
  std::uint64_t graceful_timeout = 0;  // milliseconds
};

// Runs the gunicorn.conf.py that it names, if it does; reads nothing else.
[[nodiscard]] Imported import_service(const GunicornService& service);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "master/config/file_run.h"
#include "master/config/load.h"

namespace monodon::master {

// What a gunicorn.conf.py comes to.
struct GunicornConfig {
  std::vector<Override> settings;     // origin: "gunicorn.conf.py: timeout"
  std::vector<std::string> notes;     // set, and not needed here
  std::vector<std::string> warnings;  // set, and without an equivalent; other hooks
  std::vector<std::string> hooks;     // called, but only where this file is served
  std::vector<std::string> problems;  // set, and a service without it is another one
  std::vector<std::string> arbiter_hooks;  // of the hooks, those of the server itself
};

// Whether -c names such a file: "x.py", "python:module". A file whose name says
// nothing, as gunicorn.conf, is looked into: Gunicorn runs what is named, however it is
// named.
[[nodiscard]] bool is_gunicorn_config(const std::string& name);

// Runs the file; what it set, as JSON. The Error holds its traceback. Blocks for as
// long as the file takes to run, at most `patience` (0: no limit).
Result<std::string> read_gunicorn_config(FileToRun file,
                                         std::chrono::milliseconds patience);

// What that JSON means in our settings. `name` is that of the file, for messages. Pure.
[[nodiscard]] GunicornConfig translate_gunicorn_config(const std::string& json,
                                                       std::string_view name);

// "" where Gunicorn's class of workers is one that we stand in for; else why not.
[[nodiscard]] std::string refuse_worker_class(std::string_view name);

}  // namespace monodon::master

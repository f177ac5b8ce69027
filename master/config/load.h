// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "master/config/settings.h"

namespace monodon::master {

class FileRun;  // master/config/file_run.h

// One setting given outside the file, still text.
struct Override {
  std::string key;                  // as in the table of settings: "workers"
  std::vector<std::string> values;  // more than one only for lists
  std::string origin;               // for messages: "--workers", "WEB_CONCURRENCY"
};

// What command line and environment asked for, taken once at start (cli/). Kept for
// the whole life of the master: a reload reads the file again under the same
// overrides.
struct CommandLine {
  // -c; "" means ./monodon.yaml or ./gunicorn.conf.py if there is one
  std::string config_file;
  std::string start_directory;    // of the start; relative paths are meant from here
  std::vector<std::string> argv;  // as this process was started: for an upgrade
  std::string user;  // who runs a gunicorn.conf.py in root's place; "": by its owner
  std::vector<Override> environment;  // over the file
  std::vector<Override> arguments;    // over the environment
  std::vector<std::string> notes;     // flags that were accepted and do nothing
  std::vector<std::string> warnings;  // about what was ignored
};

// A configuration that was checked and found good.
struct LoadedConfig {
  Settings settings;                  // complete: directory set, paths absolute
  std::string config_file;            // absolute, or python:module; "": none was read
  std::string config_text;            // of that file, as read; of a Python file: JSON
  std::vector<std::string> notes;     // worth an info line each
  std::vector<std::string> warnings;  // worth a warning each
  // Of a Python file: the process that has run it, for the zygote.
  std::shared_ptr<FileRun> file_run;
  CommandLine command_line;    // load_config(command_line) reads everything anew
  bool observe_given = false;  // somewhere: then 5xx count as well
};

// A gunicorn.conf.py of that line, begun to be run; nullptr where there is none. An
// Error: it cannot be run.
struct BegunFile {
  std::shared_ptr<FileRun> run;
  std::chrono::milliseconds patience{};  // boot_timeout as far as it is known; 0: none
};
Result<BegunFile> begin_file(const CommandLine& command_line);

struct ConfigResult {
  std::optional<LoadedConfig> config;  // empty when there are problems
  std::vector<std::string> problems;   // all of them, a sentence each
  // For the problems. A gunicorn.conf.py may end the process by sys.exit(): with that.
  int exit_status = 1;
};

// sys.argv of the application: the line without the name of the command, so that flags
// and application are where they are with Gunicorn.
[[nodiscard]] std::vector<std::string> argv_of_application(const CommandLine& line);

// Reads, merges and checks: defaults, then the file, then environment, then command
// line; later wins. Master (at start and on SIGHUP) and the tools. Never throws for
// what an operator wrote. Blocks for reading one local file; for a gunicorn.conf.py,
// for running it, unless its run is given and over.
ConfigResult load_config(const CommandLine& command_line);
ConfigResult load_config(const CommandLine& command_line,
                         const std::shared_ptr<FileRun>& over);

}  // namespace monodon::master

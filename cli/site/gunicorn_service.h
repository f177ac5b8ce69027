// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags/environment.h"
#include "cli/site/unit_file.h"

namespace monodon::cli {

// A service as Gunicorn runs it, in Gunicorn's words.
struct GunicornService {
  std::string name;                // "site" of site.service; "" where there is no unit
  std::vector<std::string> flags;  // without the program
  // Where uWSGI runs it: what stands behind that program, and `flags` is empty.
  std::vector<std::string> uwsgi;
  Variables environment;             // it is started with
  Variables carried;                 // those that no unit sets: settings have to
  std::string directory;             // it is started in, absolute
  std::string changed_to;            // where that is not the unit's: settings say it
  std::string python;                // the interpreter that runs it; "" = search
  std::string user;                  // of the unit; "" where it names none
  std::string pid_file;              // PIDFile=
  std::vector<std::string> wrapper;  // to be kept before monodon: "ddtrace-run"
  std::vector<std::string> told;     // what was read differently here, a sentence each
};

// The text of a script that a line starts; "" where there is none.
using ReadScript = std::function<std::string(const std::string& path)>;

// What the unit says about it. `full_name`: "site.service", "site@shop.service".
// `environment_files`: the texts of its EnvironmentFile=, in order. Pure.
[[nodiscard]] Result<GunicornService> read_gunicorn_unit(
    const UnitFile& unit, const std::string& full_name,
    const std::vector<std::string>& environment_files = {},
    const ReadScript& read_script = {});

// What is around a line that stands in no unit.
struct Around {
  Variables environment;
  std::string directory;
  std::string user;
};

// What a command line says about it; an Error where it starts neither Gunicorn nor
// uWSGI. Pure.
[[nodiscard]] Result<GunicornService> read_gunicorn_line(
    const std::vector<std::string>& words, const std::string& of,
    const ReadScript& read_script = {}, const Around& around = {});

// Flags whose variables have a meaning here: --bind :$PORT, --workers $WEB_CONCURRENCY.
// What else holds one is told.
void settle_variables(GunicornService& service);

// As the script that it starts says in its first line, or beside that script; looks at
// the disk. What it cannot know is told.
void find_python(GunicornService& service);

}  // namespace monodon::cli

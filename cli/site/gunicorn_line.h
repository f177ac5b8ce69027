// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/flags/environment.h"

namespace monodon::cli {

// A command that starts Gunicorn or uWSGI, by itself or through other programs.
struct GunicornLine {
  std::vector<std::string> wrapper;  // "poetry run", word by word; empty for none
  std::string program;               // "/srv/.venv/bin/gunicorn", "gunicorn"
  std::string python;                // of "python -m gunicorn", or of an activated
                                     // environment; "" where nothing says so
  bool uwsgi = false;                // it is uWSGI
  std::vector<std::string> flags;    // for Gunicorn, or for uWSGI
  Variables environment;             // that the line sets: "env A=b", "A=b gunicorn"
  std::string directory;             // that a shell changes to; "" for none
  std::vector<std::string> told;     // what else a shell does

  explicit operator bool() const { return !program.empty(); }
};

// Looks for one of them in the words of a line, behind whatever comes before it: env,
// poetry, sh -c "cd ... && exec ...". False where it is not there. Pure.
// `known`: the environment that the line is run in, as far as files tell.
[[nodiscard]] GunicornLine find_gunicorn(std::vector<std::string> words,
                                         const Variables& known = {});

// A path as it is seen from a directory, which is "" where it is not known. One that
// begins with a variable stays as it is.
[[nodiscard]] std::string path_below(const std::string& directory,
                                     const std::string& path);

// The interpreter that a script names in its first line, or, where that line would be
// too long or has blanks, in its second one ('''exec' "/x/bin/python" "$0" "$@"); ""
// for none. Pure.
[[nodiscard]] std::string interpreter_in(std::string_view script);

// What is to become of the wrapper: the words to keep before monodon, which measure or
// limit it, and a sentence about those that are left out; "" for nothing to say. Pure.
struct Wrapper {
  std::vector<std::string> kept;
  std::string told;
};
[[nodiscard]] Wrapper judge_wrapper(const GunicornLine& line);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace monodon::master {

struct Interpreter {
  std::string path;  // absolute; symbolic links kept, or a virtual environment is lost
  std::string how;   // why this one, for the log: "VIRTUAL_ENV", ".venv in /srv/site"
};

// Where to look besides the setting; from the process's environment unless a test says
// otherwise.
struct InterpreterHints {
  std::string virtual_env;  // $VIRTUAL_ENV
  std::string path;         // $PATH
  static InterpreterHints from_environment();
};

// The interpreter of the application in `directory` (absolute): `asked` if not empty
// (a path, or a name to look for in PATH), else $VIRTUAL_ENV/bin/python, .venv and
// venv in the directory, python3 in PATH. One that is named but cannot be executed is
// an Error, never a reason to take another. Reads the file system: call it anew for
// each generation, a release directory may be a link that moved.
[[nodiscard]] Result<Interpreter> find_interpreter(
    const std::string& asked, const std::string& directory,
    const InterpreterHints& hints = InterpreterHints::from_environment());

// The virtual environment behind symbolic links as they are now: an interpreter that
// was started through a link of the release would import through it, too, when it
// points to the next release. bin/python itself stays: it says which environment it is.
[[nodiscard]] std::string release_of(const std::string& python);

}  // namespace monodon::master

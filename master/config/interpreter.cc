// SPDX-License-Identifier: Apache-2.0
#include "master/config/interpreter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace monodon::master {
namespace {

Outcome check_executable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return last_error(path);
  if (!S_ISREG(status.st_mode)) return Error{path + " is not a file", 0};
  if (::access(path.c_str(), X_OK) != 0) return last_error(path);
  return ok();
}

std::string search(std::string_view path, const std::string& name) {
  while (!path.empty()) {
    const std::size_t colon = std::min(path.find(':'), path.size());
    const std::string_view directory = path.substr(0, colon);
    // An empty or relative entry would depend on where the server was started.
    if (directory.starts_with('/')) {
      std::string candidate = std::string{directory} + "/" + name;
      if (check_executable(candidate)) return candidate;
    }
    path.remove_prefix(std::min(colon + 1, path.size()));
  }
  return {};
}

Result<Interpreter> asked_for(const std::string& asked, const std::string& directory,
                              const InterpreterHints& hints) {
  std::string path = asked;
  if (asked.find('/') == std::string::npos) {
    path = search(hints.path, asked);
    if (path.empty()) return Error{"python: there is no " + asked + " in PATH", 0};
  } else if (asked.front() != '/') {
    path = directory + "/" + asked;
  }
  if (const Outcome good = check_executable(path); !good) {
    return Error{"python: " + good.error().message(), 0};
  }
  return Interpreter{path, "setting python"};
}

}  // namespace

InterpreterHints InterpreterHints::from_environment() {
  const auto get = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string{value == nullptr ? "" : value};
  };
  return {get("VIRTUAL_ENV"), get("PATH")};
}

Result<Interpreter> find_interpreter(const std::string& asked,
                                     const std::string& directory,
                                     const InterpreterHints& hints) {
  if (!asked.empty()) return asked_for(asked, directory, hints);
  if (!hints.virtual_env.empty()) {
    std::string path = hints.virtual_env + "/bin/python";
    if (const Outcome good = check_executable(path); !good) {
      return Error{"VIRTUAL_ENV: " + good.error().message(), 0};
    }
    return Interpreter{std::move(path), "VIRTUAL_ENV"};
  }
  for (const char* name : {".venv", "venv"}) {
    std::string path = directory + "/" + name + "/bin/python";
    if (check_executable(path)) {
      return Interpreter{std::move(path), std::string{name} + " in " + directory};
    }
  }
  std::string path = search(hints.path, "python3");
  if (path.empty()) {
    return Error{"python: none in .venv or venv of " + directory +
                     ", and no python3 in PATH; name one with --python",
                 0};
  }
  return Interpreter{std::move(path), "PATH"};
}

}  // namespace monodon::master

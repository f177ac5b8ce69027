// SPDX-License-Identifier: Apache-2.0
// Finds the Python interpreter of a site.
#include "master/config/interpreter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/files/file_rights.h"

namespace monodon::master {
namespace {

// The first directory on the way that this user may not enter; "": none.
std::string closed_directory(const std::string& path, int links = 0) {
  constexpr int kMostLinks = 40;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    if (::faccessat(AT_FDCWD, directory.c_str(), X_OK, AT_EACCESS) == 0) continue;
    std::error_code error;
    const auto target = std::filesystem::read_symlink(directory, error);
    if (error || links == kMostLinks) return directory;
    const auto parent = std::filesystem::path{directory}.parent_path();
    return closed_directory((parent / target / "").string(), links + 1);
  }
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  if (error || links == kMostLinks) return {};
  return closed_directory((std::filesystem::path{path}.parent_path() / target).string(),
                          links + 1);
}

// Of an interpreter that is there and is not this user's to run: where it was reached
// by root (below /root, often) and `user` is set.
Error not_for_us(const std::string& path) {
  std::string text = path + " as user " + name_of_user(::geteuid());
  if (const std::string closed = closed_directory(path); !closed.empty())
    text += ", who may not enter " + closed;
  return Error{std::move(text), EACCES};
}

Outcome check_executable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return errno == EACCES ? not_for_us(path) : last_error(path);
  if (!S_ISREG(status.st_mode)) return Error{path + " is not a file", 0};
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0) return ok();
  return errno == EACCES ? not_for_us(path) : last_error(path);
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

std::string release_of(const std::string& python) {
  std::error_code error;
  const std::filesystem::path path{python};
  const auto bin = path.parent_path();
  const auto root = std::filesystem::canonical(bin.parent_path(), error);
  return error ? python : (root / bin.filename() / path.filename()).string();
}

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
    const Outcome good = check_executable(path);
    if (good)
      return Interpreter{std::move(path), std::string{name} + " in " + directory};
    // Another one would not have what the application needs.
    if (good.error().code == EACCES)
      return Error{"python: " + good.error().message(), 0};
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

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/result.h"
#include "master/config/check.h"

namespace monodon::master {
namespace {

constexpr auto kProblem = Finding::Weight::problem;
constexpr auto kWarning = Finding::Weight::warning;

using Findings = std::vector<Finding>;

// "" or why `path` cannot be used as a directory.
std::string directory_problem(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return last_error(path).message();
  return S_ISDIR(status.st_mode) ? "" : path + " is not a directory";
}

void check_directory(std::string_view key, const std::string& path, Findings& found) {
  if (path.empty()) return;
  if (std::string why = directory_problem(path); !why.empty()) {
    found.push_back({kProblem, key, std::move(why)});
  }
}

void check_parent(std::string_view key, const std::string& path, Findings& found) {
  const std::size_t slash = path.rfind('/');
  if (path == "-" || slash == std::string::npos || slash == 0) return;
  check_directory(key, path.substr(0, slash), found);
}

void check_user(std::string_view key, const std::string& name, Findings& found) {
  if (name.empty() || parse_number(name) || ::getpwnam(name.c_str()) != nullptr) return;
  found.push_back({kProblem, key, fmt::format("there is no user \"{}\"", name)});
}

void check_group(std::string_view key, const std::string& name, Findings& found) {
  if (name.empty() || parse_number(name) || ::getgrnam(name.c_str()) != nullptr) return;
  found.push_back({kProblem, key, fmt::format("there is no group \"{}\"", name)});
}

}  // namespace

std::vector<Finding> check_host(const Settings& settings) {
  Findings found;
  check_directory("directory", settings.worker.directory, found);
  check_directory("spool_directory", settings.worker.spool_directory, found);
  check_parent("access_log", settings.worker.access_log, found);
  check_parent("error_log", settings.worker.error_log, found);
  check_parent("pid_file", settings.pid_file, found);
  check_user("user", settings.user, found);
  check_user("socket_user", settings.socket_user, found);
  check_group("group", settings.group, found);
  check_group("socket_group", settings.socket_group, found);
  for (const std::string& path : settings.worker.python_path) {
    if (::access(path.c_str(), F_OK) != 0) {
      found.push_back({kWarning, "python_path", last_error(path).message()});
    }
  }
  return found;
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// What this machine lacks for the settings.
#include "master/config/check_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files/file_rights.h"
#include "base/result.h"
#include "base/text/number.h"

namespace monodon::master {
namespace {

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

void check_static(const std::string& path, const std::string& site, Findings& found) {
  const std::size_t before = found.size();
  check_directory("static", path, found);
  if (found.size() != before && ::access(path.c_str(), F_OK) != 0 &&
      ::access((site + "/manage.py").c_str(), F_OK) == 0)
    found.back().text += "; with Django, python manage.py collectstatic makes it";
}

void check_parent(std::string_view key, const std::string& path, Findings& found) {
  const std::size_t slash = path.rfind('/');
  if (path == "-" || slash == std::string::npos || slash == 0) return;
  check_directory(key, path.substr(0, slash), found);
}

// The server makes it where it can; systemd makes it with the service (and takes it
// away), so that here and now it need not be possible.
void check_runtime_directory(const std::string& path, Findings& found) {
  if (path.empty()) return;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode))
      found.push_back({kProblem, "runtime_directory", path + " is not a directory"});
    return;
  }
  const std::string parent = path.substr(0, path.rfind('/'));
  if (::faccessat(AT_FDCWD, parent.empty() ? "/" : parent.c_str(), W_OK | X_OK,
                  AT_EACCESS) == 0)
    return;
  found.push_back(
      {kWarning, "runtime_directory",
       last_error("make " + path).message() +
           "; without it the server does not start, unless systemd makes it "
           "(RuntimeDirectory=)"});
}

// Root opens the log, workers open it anew as the user: both must be able to.
void check_log(std::string_view key, const std::string& path, const Settings& settings,
               Findings& found) {
  const std::size_t slash = path.rfind('/');
  const std::size_t before = found.size();
  check_parent(key, path, found);
  if (found.size() != before || ::geteuid() != 0 || settings.user.empty() ||
      slash == std::string::npos || slash == 0)
    return;
  const auto user = find_credentials(settings.user);
  if (!user || user.value().uid == 0) return;
  const bool by_root = !foreign_on_way(path, &user.value());
  const std::string directory = path.substr(0, slash);
  const ActingAs acting{user.value()};
  const auto may = [](const std::string& what, int how) {
    return ::faccessat(AT_FDCWD, what.c_str(), how, AT_EACCESS) == 0;
  };
  if (!may(directory, X_OK)) {
    found.push_back(
        {kProblem, key,
         fmt::format("user {} may not enter {}", settings.user, directory)});
  } else if (!by_root && !may(path, F_OK) && !may(directory, W_OK)) {
    found.push_back(
        {kProblem, key,
         fmt::format("user {} may not make a file in {}, and root does not, for it is "
                     "not root's alone",
                     settings.user, directory)});
  }
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
  check_log("access_log", settings.worker.access_log, settings, found);
  check_log("error_log", settings.worker.error_log, settings, found);
  check_runtime_directory(settings.runtime_directory, found);
  check_parent("pid_file", settings.pid_file, found);
  check_user("user", settings.user, found);
  check_user("socket_user", settings.socket_user, found);
  check_group("group", settings.group, found);
  check_group("socket_group", settings.socket_group, found);
  for (const std::string& item : settings.worker.static_files)
    if (const std::size_t equals = item.find('='); equals != std::string::npos)
      check_static(item.substr(equals + 1), settings.worker.directory, found);
  for (const std::string& path : settings.worker.python_path) {
    if (::access(path.c_str(), F_OK) != 0) {
      found.push_back({kWarning, "python_path", last_error(path).message()});
    }
  }
  return found;
}

}  // namespace monodon::master

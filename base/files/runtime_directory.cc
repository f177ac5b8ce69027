// SPDX-License-Identifier: Apache-2.0
// Private directories for control sockets, for servers that run without systemd.
#include "base/files/runtime_directory.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/net/unix_address.h"
#include "base/unique_fd.h"

namespace monodon {
namespace {

constexpr std::size_t kLongestName = 40;  // a socket path has 107 bytes in all
constexpr mode_t kPrivate = 0700;

std::string absolute_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

std::string cache_directory() {
  if (std::string cache = absolute_variable("XDG_CACHE_HOME"); !cache.empty())
    return cache;
  const std::string home = absolute_variable("HOME");
  return home.empty() ? "" : home + "/.cache";
}

std::string temporary_directory() {
  const std::string given = absolute_variable("TMPDIR");
  return (given.empty() ? "/tmp" : given) + "/monodon-" + std::to_string(::geteuid());
}

// What comes before the name.
std::vector<std::string> prefixes() {
  const std::string uid = std::to_string(::geteuid());
  std::vector<std::string> all;
  if (const std::string given = absolute_variable("XDG_RUNTIME_DIR"); !given.empty())
    all.push_back(given + "/monodon-");
  const std::string usual = "/run/user/" + uid + "/monodon-";
  if (std::find(all.begin(), all.end(), usual) == all.end()) all.push_back(usual);
  all.push_back(temporary_directory() + "/");
  if (const std::string cache = cache_directory(); !cache.empty())
    all.push_back(cache + "/monodon/");
  return all;
}

// "mysite.wsgi:application" is "mysite.wsgi": a name that a person can type.
std::string file_name(std::string_view name, unsigned number) {
  if (name.ends_with(":application")) name.remove_suffix(12);
  std::string safe;
  for (const char c : name.substr(0, kLongestName)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                      (c == '.' && !safe.empty());
    safe += good ? c : '-';
  }
  if (safe.empty()) safe = "server";
  if (number > 1) safe += fmt::format(".{}", number);
  return safe;
}

std::string above(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

Outcome check_private(const std::string& directory, uid_t owner) {
  struct stat found {};
  if (::lstat(directory.c_str(), &found) != 0) return last_error("use " + directory);
  if (!S_ISDIR(found.st_mode) || found.st_uid != owner ||
      (found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{"use " + directory + ": it is not a directory of this user alone"};
  return ok();
}

Outcome check_private(const std::string& directory) {
  return check_private(directory, ::geteuid());
}

Outcome make_private(const std::string& directory) {
  if (::mkdir(directory.c_str(), kPrivate) != 0 && errno != EEXIST)
    return last_error("make " + directory);
  return check_private(directory);
}

}  // namespace

std::vector<std::string> runtime_directories(std::string_view name, unsigned number) {
  std::vector<std::string> all;
  for (const std::string& prefix : prefixes())
    all.push_back(prefix + file_name(name, number));
  return all;
}

Outcome make_runtime_directory(const std::string& directory) {
  const std::string parent = above(directory);
  const bool ours = parent.ends_with("/monodon") || parent == temporary_directory();
  if (ours) {
    // ~/.cache may not be there yet; /tmp is.
    (void)::mkdir(above(parent).c_str(), kPrivate);
    if (auto made = make_private(parent); !made) return made;
  } else if (auto good = check_private(parent); !good) {
    return good;
  }
  return make_private(directory);
}

std::vector<std::string> answering_control_sockets() {
  std::vector<std::string> found;
  for (const std::string& prefix : prefixes()) {
    glob_t matches{};
    (void)::glob((prefix + "*/control.sock").c_str(), 0, nullptr, &matches);
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
      const std::string path = matches.gl_pathv[i];
      if (check_private(above(path)) && check_private(above(above(path))) &&
          is_answered(path))
        found.push_back(path);
    }
    ::globfree(&matches);
  }
  return found;
}

std::vector<std::string> answering_control_sockets_of_others() {
  std::vector<std::string> found;
  for (const char* pattern :
       {"/run/user/*/monodon-*/control.sock", "/tmp/monodon-*/*/control.sock"}) {
    glob_t matches{};
    (void)::glob(pattern, 0, nullptr, &matches);
    for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
      const std::string path = matches.gl_pathv[i];
      const std::string directory = above(path);
      struct stat about {};
      if (::lstat(directory.c_str(), &about) != 0 || about.st_uid == ::geteuid())
        continue;
      if (check_private(directory, about.st_uid) &&
          check_private(above(directory), about.st_uid) && is_answered(path))
        found.push_back(path);
    }
    ::globfree(&matches);
  }
  return found;
}

bool is_answered(const std::string& socket_path) {
  const auto address = UnixAddress::of_path(socket_path);
  const UniqueFd probe{
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!address || !probe) return false;
  // EAGAIN: its queue is full, so somebody listens.
  return ::connect(probe.get(), address->data(), address->size()) == 0 ||
         errno == EAGAIN;
}

}  // namespace monodon

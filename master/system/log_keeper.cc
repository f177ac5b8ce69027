// SPDX-License-Identifier: Apache-2.0
// Makes log files in root's directories after the server has become another user.
#include "master/system/log_keeper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/machine/system_calls.h"

namespace monodon::master {

namespace {

constexpr int kPatienceMs = 2000;

struct Place {
  UniqueFd directory;
  std::string name;
};

Result<Place> place_of(const std::string& path) {
  // Root's own links are followed now, and only now.
  std::error_code error;
  const auto real = std::filesystem::weakly_canonical(path, error);
  if (error) return Error{"find " + path, error.value()};
  Place place{
      UniqueFd{::open(real.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)},
      real.filename()};
  if (!place.directory) return last_error("find the directory of " + path);
  return place;
}

// 0 or an errno.
int make_file(const Place& place, uid_t uid, gid_t gid) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd fd{::openat(place.directory.get(), place.name.c_str(), kFlags, 0666)};
  if (!fd) return errno == EEXIST ? 0 : errno;
  return ::fchown(fd.get(), uid, gid) == 0 ? 0 : errno;
}

// Everything of root's but what gives a file away. Not fatal: it is one more lock.
void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = 1U << CAP_CHOWN;
  (void)::syscall(SYS_capset, &header, data.data());
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// In the keeper; never returns.
[[noreturn]] void keep(UniqueFd channel, const std::vector<Place>& places, uid_t uid,
                       gid_t gid) {
  (void)::setsid();
  (void)::prctl(PR_SET_NAME, "monodon-logs");
  // The pid file's lock, listening sockets and whatever else the master has would live
  // on with this process.
  std::vector<int> kept{channel.get()};
  for (const Place& place : places) kept.push_back(place.directory.get());
  close_all_but(STDERR_FILENO + 1, std::move(kept));
  drop_capabilities();
  for (;;) {
    char order = 0;
    const ssize_t got = ::recv(channel.get(), &order, sizeof order, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(0);
    int failed = 0;
    for (const Place& place : places)
      if (const int code = make_file(place, uid, gid); code != 0) failed = code;
    (void)::send(channel.get(), &failed, sizeof failed, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

}  // namespace

Result<LogKeeper> LogKeeper::start(const std::vector<std::string>& paths,
                                   const Owner& owner, const FileRights& rights) {
  std::vector<Place> places;
  for (const std::string& path : paths) {
    if (!path.starts_with('/') || !rights.kept_from_user(path)) continue;
    auto place = place_of(path);
    if (!place) return place.error();
    places.push_back(std::move(place).value());
  }
  if (places.empty()) return LogKeeper{};
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return last_error("make a channel to the process that makes log files");
  UniqueFd ours{ends[0]};
  UniqueFd theirs{ends[1]};
  const pid_t between = ::fork();
  if (between < 0) return last_error("start the process that makes log files");
  if (between == 0) {
    if (::fork() != 0) ::_exit(0);
    ours.reset();
    keep(std::move(theirs), places, *owner.uid, owner.gid.value_or(owner.primary));
  }
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  return LogKeeper{std::move(ours)};
}

Outcome LogKeeper::make_files() {
  if (!channel_) return ok();
  constexpr char kOrder = 'm';
  if (::send(channel_.get(), &kOrder, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
    return last_error(
        "ask the process that makes log files (a restart brings it back)");
  pollfd answer{channel_.get(), POLLIN, 0};
  int failed = 0;
  if (::poll(&answer, 1, kPatienceMs) != 1 ||
      ::recv(channel_.get(), &failed, sizeof failed, MSG_DONTWAIT) !=
          static_cast<ssize_t>(sizeof failed))
    return Error{"the process that makes log files does not answer"};
  return failed == 0 ? ok() : Error{"make a log file anew", failed};
}

}  // namespace monodon::master

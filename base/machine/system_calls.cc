// SPDX-License-Identifier: Apache-2.0
// System calls by number, and what is done where a kernel has them not.
#include "base/machine/system_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text/number.h"

// The same on every architecture; not in every libc's headers.
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)  // Linux 5.11
#endif

namespace monodon {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { (void)::closedir(directory); }
};

// What is open from `first` on. Without /proc: every number that may be.
std::vector<int> open_from(int first) {
  std::vector<int> open;
  const std::unique_ptr<DIR, CloseDirectory> directory{::opendir("/proc/self/fd")};
  if (!directory) {
    const long most = std::min(::sysconf(_SC_OPEN_MAX), 65536L);
    for (int fd = first; fd < most; ++fd) open.push_back(fd);
    return open;
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const auto fd =
        parse_number(std::string_view{entry->d_name}, std::numeric_limits<int>::max());
    if (fd && static_cast<int>(*fd) >= first &&
        static_cast<int>(*fd) != ::dirfd(directory.get()))
      open.push_back(static_cast<int>(*fd));
  }
  return open;
}

// False: the kernel has not got it, or not this flag (ENOSYS, EINVAL), or a sandbox
// refuses it (EPERM).
bool close_range(unsigned first, unsigned last, unsigned flags) noexcept {
  return ::syscall(SYS_close_range, first, last, flags) == 0;
}

}  // namespace

UniqueFd open_pidfd(pid_t pid) noexcept {
  return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))};
}

bool signal_by_pidfd(int pidfd, int signal) noexcept {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U) == 0;
}

bool kill_by_pidfd(int pidfd) noexcept {
  return signal_by_pidfd(pidfd, SIGKILL);
}

const char* refused_call() noexcept {
  const UniqueFd self = open_pidfd(::getpid());
  if (!self) return "pidfd_open(2)";
  if (::syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, 0U) != 0)
    return "pidfd_send_signal(2)";
  // Nobody is a child of itself, which a kernel before 5.4 does not come to say.
  siginfo_t info{};
  if (::syscall(SYS_waitid, P_PIDFD, self.get(), &info, WEXITED | WNOHANG, nullptr) !=
          0 &&
      errno != ECHILD)
    return "waitid(2) with P_PIDFD";
  return nullptr;
}

pid_t thread_id() noexcept {
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

void close_all_but(int first, std::vector<int> kept) noexcept {
  std::erase_if(kept, [&](int fd) { return fd < first; });
  std::sort(kept.begin(), kept.end());
  auto from = static_cast<unsigned>(first);
  bool done = true;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > from) done = close_range(from, number - 1, 0) && done;
    from = number + 1;
  }
  if (close_range(from, ~0U, 0) && done) return;
  for (const int fd : open_from(first))
    if (!std::binary_search(kept.begin(), kept.end(), fd)) (void)::close(fd);
}

void close_on_exec_from(int first) noexcept {
  if (close_range(static_cast<unsigned>(first), ~0U, CLOSE_RANGE_CLOEXEC)) return;
  for (const int fd : open_from(first)) (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

std::string signal_abbreviation(int number) {
  constexpr std::array<std::pair<int, std::string_view>, 31> kNames = {{
      {SIGHUP, "HUP"},       {SIGINT, "INT"},       {SIGQUIT, "QUIT"},
      {SIGILL, "ILL"},       {SIGTRAP, "TRAP"},     {SIGABRT, "ABRT"},
      {SIGBUS, "BUS"},       {SIGFPE, "FPE"},       {SIGKILL, "KILL"},
      {SIGUSR1, "USR1"},     {SIGSEGV, "SEGV"},     {SIGUSR2, "USR2"},
      {SIGPIPE, "PIPE"},     {SIGALRM, "ALRM"},     {SIGTERM, "TERM"},
      {SIGSTKFLT, "STKFLT"}, {SIGCHLD, "CHLD"},     {SIGCONT, "CONT"},
      {SIGSTOP, "STOP"},     {SIGTSTP, "TSTP"},     {SIGTTIN, "TTIN"},
      {SIGTTOU, "TTOU"},     {SIGURG, "URG"},       {SIGXCPU, "XCPU"},
      {SIGXFSZ, "XFSZ"},     {SIGVTALRM, "VTALRM"}, {SIGPROF, "PROF"},
      {SIGWINCH, "WINCH"},   {SIGIO, "POLL"},       {SIGPWR, "PWR"},
      {SIGSYS, "SYS"},
  }};
  for (const auto& [known, name] : kNames)
    if (known == number) return std::string{name};
  return {};
}

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
// Forks twice, and hears from the process in between who came of it.
#include "worker/process/double_fork.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"

namespace monodon::worker {
namespace {

struct Forked {
  pid_t pid = -1;
  int error = 0;
};

pid_t wait_for(pid_t pid) {
  pid_t ended;
  do {
    ended = ::waitpid(pid, nullptr, 0);
  } while (ended < 0 && errno == EINTR);
  return ended;
}

// Reads what the process in between has to say; EOF means that it died.
Forked read_report(int pipe) {
  Forked report;
  ssize_t got;
  do {
    got = ::read(pipe, &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof report)) return {-1, ECHILD};
  return report;
}

}  // namespace

pid_t double_fork() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  UniqueFd read_end{ends[0]};
  UniqueFd write_end{ends[1]};
  const pid_t between = ::fork();
  if (between < 0) return -1;
  if (between == 0) {
    Forked report;
    report.pid = ::fork();
    if (report.pid == 0) return 0;
    report.error = errno;
    (void)!::write(write_end.get(), &report, sizeof report);
    ::_exit(0);
  }
  write_end.reset();
  const Forked report = read_report(read_end.get());
  // Once it has ended the kernel has given the new process its new parent.
  (void)wait_for(between);
  errno = report.error;
  return report.pid;
}

}  // namespace monodon::worker

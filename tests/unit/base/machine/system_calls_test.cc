// SPDX-License-Identifier: Apache-2.0
#include "base/machine/system_calls.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

using namespace monodon;

namespace {

// From here on this system call fails with this error: as on a kernel that has it not
// (ENOSYS), not with this flag (EINVAL), or in a sandbox that refuses it (EPERM).
bool refuse(unsigned call, int error) {
  std::array<sock_filter, 4> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// The status of `job` in a child, with a system call as `error` says (0: as it is).
template <typename Job>
int in_child(int error, Job job, unsigned call = SYS_close_range) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool fine = error == 0 || refuse(call, error);
    ::_exit(fine ? job() : 99);
  }
  int status = -1;
  (void)::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

TEST_CASE("a child closes all but what it keeps, whatever the kernel has",
          "[system_calls]") {
  for (const int error : {0, ENOSYS, EINVAL, EPERM}) {
    INFO("close_range fails with " << error);
    CHECK(in_child(error, [] {
            const int kept = ::fcntl(0, F_DUPFD_CLOEXEC, 20);
            const int closed = ::fcntl(0, F_DUPFD_CLOEXEC, 20);
            const int far = ::fcntl(0, F_DUPFD_CLOEXEC, 500);
            close_all_but(3, {far, kept, 1});
            return is_open(0) && is_open(kept) && is_open(far) && !is_open(closed) ? 7
                                                                                   : 1;
          }) == 7);
  }
}

TEST_CASE("exec closes what this process was born with, whatever the kernel has",
          "[system_calls]") {
  for (const int error : {0, ENOSYS, EINVAL, EPERM}) {
    INFO("close_range fails with " << error);
    CHECK(in_child(error, [] {
            const int before = ::fcntl(0, F_DUPFD, 20);
            const int after = ::fcntl(0, F_DUPFD, before + 1);
            close_on_exec_from(after);
            return ::fcntl(before, F_GETFD) == 0 &&
                           ::fcntl(after, F_GETFD) == FD_CLOEXEC
                       ? 7
                       : 1;
          }) == 7);
  }
}

TEST_CASE("what cannot be done without is named", "[system_calls]") {
  CHECK(refused_call() == nullptr);
  const std::vector<std::pair<unsigned, std::string_view>> calls = {
      {SYS_pidfd_open, "pidfd_open(2)"},
      {SYS_pidfd_send_signal, "pidfd_send_signal(2)"},
      {SYS_waitid, "waitid(2) with P_PIDFD"}};
  for (const auto& [call, name] : calls)
    for (const int error : {ENOSYS, EINVAL, EPERM}) {
      INFO(name << " fails with " << error);
      CHECK(in_child(
                error,
                [name = name, error] {
                  const char* refused = refused_call();
                  return refused && refused == name && errno == error ? 7 : 1;
                },
                call) == 7);
    }
}

TEST_CASE("signals have the names that people know", "[system_calls]") {
  CHECK(signal_abbreviation(SIGSEGV) == "SEGV");
  CHECK(signal_abbreviation(SIGIO) == "POLL");
  CHECK(signal_abbreviation(SIGRTMIN).empty());
  CHECK(signal_abbreviation(0).empty());
}

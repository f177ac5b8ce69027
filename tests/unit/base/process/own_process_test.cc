// SPDX-License-Identifier: Apache-2.0
#include "base/process/own_process.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

using namespace monodon;

namespace {

int status_of(pid_t child) {
  int status = -1;
  (void)::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// What `ask` says in a child, 0 or 1.
template <typename Make, typename Ask>
int in_child(Make make, Ask ask) {
  const auto child = static_cast<pid_t>(make());
  if (child == 0) ::_exit(ask() ? 1 : 0);
  return status_of(child);
}

long clone_process() {
  return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
}

}  // namespace

// All of it in a child: nobody else of these tests is to have claimed anything.
TEST_CASE("a child is a stranger, however it was made, until it claims itself",
          "[own_process]") {
  CHECK(in_child(::fork, [] {
          if (is_stranger()) return true;
          claim_process();
          const auto stranger = [] { return is_stranger(); };
          const bool told = in_child(::fork, stranger) == 1 &&
                            in_child(clone_process, stranger) == 1 && !is_stranger();
          const int again = in_child(::fork, [&] {
            claim_process();
            return is_stranger() || in_child(clone_process, stranger) == 0;
          });
          return !told || again != 0;
        }) == 0);
}

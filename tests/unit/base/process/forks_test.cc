// SPDX-License-Identifier: Apache-2.0
#include "base/process/forks.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/process/own_process.h"

using namespace monodon;

namespace {

int let_go_count = 0;

void count(void* /*holder*/) noexcept {
  ++let_go_count;
}

// The count in a child of this process.
int count_in_child() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(let_go_count);
  int status = -1;
  (void)::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// In a child, since handlers cannot be taken back.
int failed_checks() {
  watch_forks(count, nullptr);
  int failed = has_forked() ? 1 : 0;
  {
    const OwnFork ours;
    failed += count_in_child() == 0 ? 0 : 1;
    failed += has_forked() ? 1 : 0;
  }
  failed += count_in_child() == 1 ? 0 : 1;
  failed += has_forked() && let_go_count == 0 && !is_stranger() ? 0 : 1;
  watch_forks(count, nullptr);
  failed += has_forked() ? 1 : 0;
  return failed;
}

}  // namespace

TEST_CASE("a child lets go of what its parent has, unless it is one of ours",
          "[forks]") {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(failed_checks());
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/process/close_elsewhere.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/support/cpp/slow_to_close.h"

using namespace monodon;
using namespace std::chrono_literals;

TEST_CASE("a process that ends does not wait for what it was to close", "[closer]") {
  testing::SlowToClose slow;
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<UniqueFd> fds;
    fds.push_back(std::move(slow.bomb));
    close_elsewhere(std::move(fds));
    ::alarm(20);
    std::exit(0);
  }
  slow.bomb.reset();  // the child has it, too
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
}

TEST_CASE("a descriptor whose close waits is closed by somebody else", "[closer]") {
  const auto began = std::chrono::steady_clock::now();
  testing::SlowToClose slow;
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(slow.bomb));
  fds.emplace_back();
  close_elsewhere(std::move(fds));
  carry_out_closing();
  // The last owner is a process that ends, and such a one does not linger.
  CHECK(::waitpid(-1, nullptr, 0) > 0);
  CHECK(slow.ended());
  CHECK(std::chrono::steady_clock::now() - began < 20s);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/process/thread_sight.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "base/unique_fd.h"

using namespace monodon;

TEST_CASE("a thread that looks at itself runs, and has used time", "[thread-sight]") {
  const ThreadSight sight = look_at_thread("self/task/" + std::to_string(::gettid()));
  CHECK(sight.state == 'R');
  CHECK(sight.runnable());
  CHECK(sight.cpu_ns > 0);
  CHECK(describe(sight) == "it runs (state R)");
}

TEST_CASE("of a thread that waits for a pipe the kernel says so", "[thread-sight]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader{ends[0]};
  UniqueFd writer{ends[1]};
  std::array<int, 2> told{};
  REQUIRE(::pipe2(told.data(), O_CLOEXEC) == 0);
  const UniqueFd tid_reader{told[0]};
  const UniqueFd tid_writer{told[1]};
  std::thread waits{[&] {
    const pid_t tid = ::gettid();
    (void)!::write(tid_writer.get(), &tid, sizeof tid);
    char byte = 0;
    (void)!::read(reader.get(), &byte, 1);
  }};
  pid_t tid = 0;
  REQUIRE(::read(tid_reader.get(), &tid, sizeof tid) == sizeof tid);
  ThreadSight sight;
  do {
    sight = look_at_thread("self/task/" + std::to_string(tid));
    std::this_thread::yield();
  } while (sight.runnable());
  CHECK(sight.state == 'S');
  CHECK(describe(sight).find("(state S)") != std::string::npos);
  if (!sight.waits_in.empty()) CHECK(sight.waits_in.find("pipe") != std::string::npos);
  writer.reset();
  waits.join();
}

TEST_CASE("a thread that is gone is unknown, and no error", "[thread-sight]") {
  const ThreadSight sight = look_at_thread("self/task/0");
  CHECK(sight.state == '?');
  CHECK(sight.cpu_ns == 0);
  CHECK_FALSE(describe(sight).empty());
}

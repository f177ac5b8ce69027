// SPDX-License-Identifier: Apache-2.0
#include "base/process/closer.h"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "tests/support/cpp/slow_to_close.h"

using namespace monodon;

TEST_CASE("closes that wait neither hold up the caller nor each other", "[closer]") {
  // For an hour each; the threads that close them end with this process.
  std::vector<testing::SlowToClose> slow(3);
  std::vector<UniqueFd> two;
  two.push_back(std::move(slow[0].bomb));
  two.push_back(std::move(slow[1].bomb));
  Closer::of_process().close(std::move(two));
  Closer::of_process().close(std::move(slow[2].bomb));
  Closer::of_process().close(UniqueFd{});
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader{ends[0]};
  Closer::of_process().close(UniqueFd{ends[1]});
  char byte = 0;
  CHECK(::read(reader.get(), &byte, 1) == 0);  // waits for it
  // What closed them waits only for their peers.
  for (const testing::SlowToClose& one : slow) CHECK(one.ended());
}

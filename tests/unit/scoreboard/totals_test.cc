// SPDX-License-Identifier: Apache-2.0
#include "scoreboard/totals.h"

#include <bit>
#include <catch2/catch.hpp>
#include <limits>

using namespace monodon::scoreboard;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

Totals filled(std::uint64_t with) {
  TotalsWords words{};
  words.fill(with);
  return std::bit_cast<Totals>(words);
}

}  // namespace

TEST_CASE("what a worker plausibly counted is believed to the last digit", "[totals]") {
  CounterGuard guard{4, 100 * kSecond};
  Totals said = filled(5);
  said.requests = 2'000'000;
  said.bytes_out = 8'000'000'000;
  said.busy_ns = 40 * kSecond;
  said.duration_sum_us[1] = 3'600'000'000;
  CHECK(guard.observe(said, 110 * kSecond) == said);
}

TEST_CASE("a counter that goes backwards stands still", "[totals]") {
  CounterGuard guard{1, 0};
  Totals said = filled(1000);
  (void)guard.observe(said, kSecond);
  said.requests = 3;
  said.responses[1] = 1001;
  const Totals& believed = guard.observe(said, 2 * kSecond);
  CHECK(believed.requests == 1000);
  CHECK(believed.responses[1] == 1001);
}

TEST_CASE("a counter that jumps beyond every worker's speed stands still", "[totals]") {
  CounterGuard guard{1, 0};
  (void)guard.observe(filled(10), kSecond);
  for (const std::uint64_t nonsense :
       {kLargest, kLargest / 2, std::uint64_t{1} << 60U}) {
    CAPTURE(nonsense);
    CHECK(guard.observe(filled(nonsense), 2 * kSecond) == filled(10));
  }
  Totals said = filled(11);
  CHECK(guard.observe(said, 3 * kSecond) == said);
}

TEST_CASE("one second allows a request a microsecond and thread, not more",
          "[totals]") {
  Totals said;
  said.requests = 4'000'000;  // 1 s, 1 s of grace, 2 threads
  CHECK(CounterGuard{2, 0}.observe(said, kSecond).requests == 4'000'000);
  said.requests += 1;
  CHECK(CounterGuard{2, 0}.observe(said, kSecond).requests == 0);
}

TEST_CASE("a clock that went back does not open the gate", "[totals]") {
  CounterGuard guard{1, 50 * kSecond};
  Totals said;
  said.requests = 40'000'000;
  CHECK(guard.observe(said, 10 * kSecond).requests == 0);
}

TEST_CASE("a sum stops at the largest number and does not wrap", "[totals]") {
  Totals sum = filled(kLargest - 1);
  sum += filled(1);
  CHECK(sum == filled(kLargest));
  sum += filled(kLargest);
  CHECK(sum == filled(kLargest));
  Totals small = filled(3);
  small += filled(4);
  CHECK(small == filled(7));
}

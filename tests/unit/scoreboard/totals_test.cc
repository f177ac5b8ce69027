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

TEST_CASE("each counter is believed up to its bound, and not one beyond", "[totals]") {
  // One second, one of grace, two threads.
  constexpr std::uint64_t kUs = 2'000'000;
  struct Bound {
    const char* name;
    std::uint64_t& (*of)(Totals&);
    std::uint64_t most;
  };
  const Bound bounds[] = {
      {"bytes_in", [](Totals& t) -> std::uint64_t& { return t.bytes_in; },
       kUs * 100'000},
      {"bytes_out", [](Totals& t) -> std::uint64_t& { return t.bytes_out; },
       kUs * 100'000},
      {"busy_ns", [](Totals& t) -> std::uint64_t& { return t.busy_ns; },
       2 * kUs * 1000},
      {"lock_wait_ns", [](Totals& t) -> std::uint64_t& { return t.lock_wait_ns; },
       2 * kUs * 1000},
      {"duration_sum_us[1]",
       [](Totals& t) -> std::uint64_t& { return t.duration_sum_us[1]; },
       kUs * 1'000'000},
      {"first_byte_sum_us[4]",
       [](Totals& t) -> std::uint64_t& { return t.first_byte_sum_us[4]; },
       kUs * 1'000'000},
      {"queue_sum_us", [](Totals& t) -> std::uint64_t& { return t.queue_sum_us; },
       2 * kUs * 3'600'000'000},
      {"dropped_fields", [](Totals& t) -> std::uint64_t& { return t.dropped_fields; },
       2 * kUs * 1000},
      {"log_lines_dropped",
       [](Totals& t) -> std::uint64_t& { return t.log_lines_dropped; }, 2 * kUs * 1000},
      {"accepted", [](Totals& t) -> std::uint64_t& { return t.accepted; }, 2 * kUs},
  };
  for (const Bound& bound : bounds) {
    CAPTURE(bound.name);
    Totals said;
    bound.of(said) = bound.most;
    CHECK(CounterGuard{2, 0}.observe(said, kSecond) == said);
    bound.of(said) += 1;
    CHECK(CounterGuard{2, 0}.observe(said, kSecond) == Totals{});
  }
}

TEST_CASE("time that was accounted for once does not allow a jump later", "[totals]") {
  CounterGuard guard{1, 0};
  (void)guard.observe(Totals{}, 100 * kSecond);
  Totals said;
  said.requests = 50'000'000;
  CHECK(guard.observe(said, 101 * kSecond).requests == 0);
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

// SPDX-License-Identifier: Apache-2.0
#include "metrics/observation/history.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/nanoseconds.h"

using namespace monodon;
using namespace monodon::metrics;

namespace {

using monodon::test::kSecond;

// The same server, after so many requests of that duration.
Sight sight_at(std::uint64_t second, std::uint64_t requests, std::uint64_t us) {
  Sight sight;
  sight.now_ns = second * kSecond;
  sight.sum.requests = requests;
  sight.sum.responses[4] = requests / 10;
  sight.sum.duration[1][scoreboard::bucket_of(us)] = requests;
  sight.sum.busy_ns = second * kSecond * 2;
  return sight;
}

}  // namespace

TEST_CASE("a step of the history is what happened in it, and nothing before",
          "[history]") {
  History history;
  CHECK_FALSE(history.present(sight_at(1, 0, 1), 0, 0));
  history.note(sight_at(100, 1'000, 5'000), 7, 100);
  CHECK(history.moments().empty());
  history.note_queue(3);
  history.note_queue(2);
  history.note(sight_at(110, 1'200, 5'000), 8, 110);
  history.note(sight_at(120, 1'200, 5'000), 9, 120);
  REQUIRE(history.moments().size() == 2);
  const Moment& first = history.moments().front();
  CHECK(first.time == 110);
  CHECK(first.requests == 20);
  CHECK(first.errors == 2);
  CHECK(first.busy == 2);
  CHECK(first.waiting == 3);
  CHECK(first.memory == 8);
  REQUIRE(first.median);
  CHECK(*first.median <= *first.p99);
  CHECK(scoreboard::bucket_of(static_cast<std::uint64_t>(*first.median * 1e6)) ==
        scoreboard::bucket_of(5'000));
  const Moment& second = history.moments().back();
  CHECK(second.requests == 0);
  CHECK_FALSE(second.median);
  CHECK(second.waiting == 0);
}

TEST_CASE("an hour is kept, and no more", "[history]") {
  History history;
  for (std::uint64_t i = 0; i < 500; ++i)
    history.note(sight_at(10 * i + 1, i, 1), i, static_cast<double>(i));
  CHECK(history.moments().size() == History::kMost);
  CHECK(History::kMost * History::kStepNs == 3'600 * kSecond);
  CHECK(history.moments().back().memory == 499);
}

TEST_CASE("the step under way is told as soon as it says something", "[history]") {
  History history;
  history.note(sight_at(100, 0, 1), 0, 100);
  Sight soon = sight_at(100, 40, 1);
  soon.now_ns += kSecond / 2;
  CHECK_FALSE(history.present(soon, 0, 100.5));
  const auto later = history.present(sight_at(102, 40, 1), 5, 102);
  REQUIRE(later);
  CHECK(later->requests == 20);
  CHECK(history.moments().empty());
}

TEST_CASE("counters that go back make no rates below zero", "[history]") {
  History history;
  history.note(sight_at(100, 1'000, 1), 0, 100);
  history.note(sight_at(110, 10, 1), 0, 110);
  CHECK(history.moments().back().requests == 0);
  CHECK(history.moments().back().errors == 0);
  CHECK_FALSE(history.moments().back().p99);
}

TEST_CASE("a quantile lies in its bucket, and the last bucket has no end",
          "[history]") {
  std::array<std::uint64_t, scoreboard::kBuckets> counts{};
  CHECK_FALSE(quantile(0.5, counts));
  counts[0] = 10;
  CHECK(*quantile(0.5, counts) == Approx(scoreboard::kBucketsUs[0] / 2e6));
  counts[0] = 1;
  counts.back() = 99;
  CHECK(*quantile(0.99, counts) == Approx(scoreboard::kBucketsUs.back() / 1e6));
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/live/top_trend.h"

#include <catch2/catch.hpp>

using namespace monodon::cli;
using monodon::scoreboard::kBuckets;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

ServerStatus look(std::uint64_t at_ns, std::uint64_t requests, std::uint32_t serial = 1,
                  std::uint64_t cpu_us = 0) {
  ServerStatus status;
  status.now_ns = at_ns;
  SlotStatus& slot = status.slots.emplace_back();
  slot.serial = serial;
  slot.cpu_us = cpu_us;
  slot.totals.requests = requests;
  slot.totals.responses[1] = requests;
  slot.totals.duration[1][3] = requests;  // 500 us to 1 ms
  return status;
}

}  // namespace

TEST_CASE("one look makes no rate, two make one", "[top]") {
  Trend trend;
  CHECK(trend.of(0).requests == 0);
  trend.note(look(10 * kSecond, 500));
  CHECK(trend.of(0).requests == 0);
  CHECK(trend.of(0).p99 < 0);
  trend.note(look(12 * kSecond, 600));
  CHECK(trend.of(0).requests == Approx(50));
  CHECK(trend.of_all().requests == Approx(50));
  CHECK(trend.of(7).requests == 0);
}

TEST_CASE("a rate is that of the last seconds, not of the whole past", "[top]") {
  Trend trend{5 * kSecond};
  std::uint64_t requests = 0;
  for (std::uint64_t i = 0; i < 20; ++i)
    trend.note(look(i * kSecond, requests += i < 10 ? 1000 : 10));
  CHECK(trend.of(0).requests == Approx(10));
}

TEST_CASE("errors are 5xx and what was cut off", "[top]") {
  Trend trend;
  trend.note(look(kSecond, 0));
  ServerStatus status = look(2 * kSecond, 9);
  status.slots[0].totals.responses = {0, 0, 0, 4, 2, 3};
  trend.note(status);
  CHECK(trend.of(0).errors == Approx(5));
}

TEST_CASE("processor time of another process is not compared", "[top]") {
  Trend trend;
  trend.note(look(kSecond, 0, 1, 90'000'000));
  CHECK(trend.of(0).cpu < 0);
  trend.note(look(2 * kSecond, 0, 1, 90'500'000));
  CHECK(trend.of(0).cpu == Approx(0.5));
  trend.note(look(3 * kSecond, 0, 2, 200'000));
  CHECK(trend.of(0).cpu == Approx(0.1));  // of two seconds
}

TEST_CASE("a server that began anew makes no wild rates", "[top]") {
  Trend trend;
  trend.note(look(kSecond, 1'000'000));
  trend.note(look(2 * kSecond, 3));
  CHECK(trend.of(0).requests == 0);
}

TEST_CASE("a quantile lies in the bucket that holds it", "[top]") {
  std::array<std::uint64_t, kBuckets> counts{};
  CHECK(quantile(counts, 0.5) < 0);
  counts[1] = 98;  // 100 to 250 us
  counts[7] = 2;   // 10 to 25 ms
  CHECK(quantile(counts, 0.5) > 100e-6);
  CHECK(quantile(counts, 0.5) < 250e-6);
  CHECK(quantile(counts, 0.99) > 10e-3);
  CHECK(quantile(counts, 0.99) <= 25e-3);
  counts = {};
  counts[kBuckets - 1] = 1;
  CHECK(quantile(counts, 0.99) == Approx(60));
}

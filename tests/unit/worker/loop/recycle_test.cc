// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/recycle.h"

#include <catch2/catch.hpp>
#include <set>

using namespace monodon::worker;

TEST_CASE("without max_requests a worker never retires for its requests", "[recycle]") {
  Settings s;
  s.max_requests_jitter = 100;
  CHECK(retire_after(s, 7) == 0);
}

TEST_CASE("without jitter every worker retires after max_requests", "[recycle]") {
  Settings s;
  s.max_requests = 50;
  CHECK(retire_after(s, 1) == 50);
  CHECK(retire_after(s, 2) == 50);
}

TEST_CASE("jitter spreads neighbours and stays within its bounds", "[recycle]") {
  Settings s;
  s.max_requests = 1000;
  s.max_requests_jitter = 100;
  std::set<std::uint64_t> seen;
  for (std::uint32_t serial = 1; serial <= 50; ++serial) {
    const auto after = retire_after(s, serial);
    CHECK(after >= 1000);
    CHECK(after <= 1100);
    seen.insert(after);
  }
  CHECK(seen.size() > 25);
}

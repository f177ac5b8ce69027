// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/refusals.h"

#include <catch2/catch.hpp>

using namespace monodon::worker;

TEST_CASE("the first refusal of each reason is told, and then one a minute",
          "[refusals]") {
  Refusals refusals;
  std::uint64_t now = 5;
  CHECK(refusals.note("no Host field", now).tell);
  CHECK(refusals.note("empty line", now).tell);
  unsigned told = 0;
  for (unsigned i = 0; i < 100'000; ++i)
    told += refusals.note("no Host field", now).tell;
  CHECK(told == 0);
  now += Refusals::kPauseNs - 1;
  CHECK_FALSE(refusals.note("no Host field", now).tell);
  const auto again = refusals.note("no Host field", now + 1);
  CHECK(again.tell);
  CHECK(again.untold == 100'001);
  CHECK_FALSE(refusals.note("no Host field", now + 2).tell);
  CHECK(refusals.note("empty line", now + 2).untold == 0);
}

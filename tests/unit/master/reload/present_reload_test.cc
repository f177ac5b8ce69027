// SPDX-License-Identifier: Apache-2.0
#include "master/reload/present_reload.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

TEST_CASE(
    "whoever waits for a reload is told what it does, since when, and for how long",
    "[present-reload]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 2}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  const auto began = toy.system.clock;
  toy.fleet.propose({{}, {.workers = 2, .boot_timeout = 60s}});
  toy.advance(12s);
  const auto told = [&] { return describe_reload(toy.fleet, began, toy.system.clock); };
  CHECK(
      told() ==
      "generation 2, begun 12 s ago, is being imported; boot_timeout ends that in 48 s "
      "at the latest");
  toy.zygote_loads(2);
  CHECK(told() == "generation 2, begun 12 s ago, is tried by one worker");
}

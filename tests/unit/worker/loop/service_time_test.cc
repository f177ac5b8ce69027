// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/service_time.h"

#include <catch2/catch.hpp>

using monodon::worker::ServiceTime;

namespace {

ServiceTime settled(std::uint64_t ns) {
  ServiceTime time;
  for (int i = 0; i < 200; ++i) time.learn(ns);
  return time;
}

}  // namespace

TEST_CASE("the service time follows what requests take, an eighth each time",
          "[service_time]") {
  ServiceTime time;
  time.learn(80'000);
  CHECK(time.ns() == 10'000);
  time.learn(80'000);
  CHECK(time.ns() == 18'750);
}

TEST_CASE("a connection is moved when its wait would be much longer than a handover",
          "[service_time]") {
  CHECK_FALSE(settled(10'000'000).worth_moving(1));  // nobody waits
  CHECK(settled(1'000'000).worth_moving(2));
  CHECK_FALSE(settled(200'000).worth_moving(2));
  CHECK(settled(200'000).worth_moving(3));
}

TEST_CASE("trifles are done sooner than moved, however many there are",
          "[service_time]") {
  CHECK_FALSE(settled(40'000).worth_moving(64));
  CHECK(settled(60'000).worth_moving(64));
}

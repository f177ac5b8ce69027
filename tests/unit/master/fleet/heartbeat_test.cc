// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/heartbeat.h"

#include <catch2/catch.hpp>

using monodon::Clock;
using monodon::master::Heartbeat;

namespace {

struct Watched {
  Clock::time_point now{};
  Heartbeat heartbeat;

  Watched() { heartbeat.begin(now); }
  // At the moment that the next look is due.
  bool look(std::uint64_t value) {
    now = heartbeat.next_look();
    return heartbeat.look(value, now);
  }
};

}  // namespace

TEST_CASE("a heartbeat that stands still for seven looks is silence", "[heartbeat]") {
  Watched worker;
  CHECK_FALSE(worker.look(5));
  for (unsigned i = 1; i < Heartbeat::kMost; ++i) CHECK_FALSE(worker.look(5));
  CHECK(worker.look(5));
  CHECK(worker.now - Clock::time_point{} == 8 * Heartbeat::kPeriod);
}

TEST_CASE("one beat between the looks forgives the silence before", "[heartbeat]") {
  Watched worker;
  for (unsigned i = 0; i < Heartbeat::kMost; ++i) CHECK_FALSE(worker.look(5));
  CHECK_FALSE(worker.look(6));
  for (unsigned i = 1; i < Heartbeat::kMost; ++i) CHECK_FALSE(worker.look(6));
  CHECK(worker.look(6));
}

TEST_CASE("a page that cannot be read, or says nothing yet, condemns nobody",
          "[heartbeat]") {
  Watched worker;
  for (unsigned i = 0; i < 5 * Heartbeat::kMost; ++i) CHECK_FALSE(worker.look(0));
}

TEST_CASE("a machine that was suspended costs one look, not the worker",
          "[heartbeat]") {
  Watched worker;
  CHECK_FALSE(worker.look(5));
  CHECK_FALSE(worker.heartbeat.look(5, worker.now + std::chrono::hours{10}));
  CHECK_FALSE(worker.look(6));
}

TEST_CASE("there are looks while the worker serves, and none before or after",
          "[heartbeat]") {
  Heartbeat heartbeat;
  CHECK(heartbeat.next_look() == Clock::time_point::max());
  const Clock::time_point now{std::chrono::hours{1}};
  heartbeat.begin(now);
  CHECK(heartbeat.next_look() == now + Heartbeat::kPeriod);
  heartbeat.take_over(now);
  CHECK(heartbeat.next_look() == now);
  heartbeat.end();
  CHECK(heartbeat.next_look() == Clock::time_point::max());
}

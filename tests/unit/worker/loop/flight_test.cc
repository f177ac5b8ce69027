// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/flight.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "scoreboard/page.h"
#include "worker/wire/settings.h"

using namespace monodon;
using worker::Flight;

namespace {

struct Nobody final : worker::Exchange::Finisher {
  bool watch_output(worker::Connection& /*c*/) override { return false; }
};

struct One {
  scoreboard::WorkerPage page{1};
  worker::Exchange::Config config;
  Nobody nobody;
  worker::Settings settings;
  worker::Connection connection{settings};
  Flight flight{0, page.row(0), config, nobody};
};

}  // namespace

TEST_CASE("a request is in flight from its begin to its end", "[flight]") {
  One one;
  CHECK_FALSE(one.flight.busy());
  one.flight.begin(one.connection, 7);
  CHECK(one.flight.busy());
  CHECK(one.flight.running_since() == 7);
  CHECK(one.flight.end());
  CHECK_FALSE(one.flight.busy());
  CHECK(one.flight.running_since() == 0);
}

TEST_CASE("a request that was seen before cannot be held any more", "[flight]") {
  One one;
  CHECK(one.flight.hold(7) == nullptr);
  one.flight.begin(one.connection, 7);
  REQUIRE(one.flight.end());
  one.flight.begin(one.connection, 8);
  CHECK(one.flight.hold(7) == nullptr);
  CHECK(one.flight.running_since() == 8);  // and it was let go of
  CHECK(one.flight.end());
}

TEST_CASE("a request does not end while the keeper holds it", "[flight]") {
  One one;
  one.flight.begin(one.connection, 7);
  REQUIRE(one.flight.hold(7) == &one.connection);
  std::atomic<bool> let_go{false};
  bool held_until_then = false;
  bool in_time = true;
  std::thread runner{[&] {
    in_time = one.flight.end();
    held_until_then = let_go;
  }};
  let_go = true;
  one.flight.let_go();
  runner.join();
  CHECK(held_until_then);
  CHECK(in_time);
}

TEST_CASE("a request past its deadline is told so once it ends", "[flight]") {
  One one;
  one.flight.begin(one.connection, 7);
  REQUIRE(one.flight.hold(7) == &one.connection);
  one.flight.expire(9);
  CHECK(one.flight.expired());
  CHECK(one.flight.busy());  // the application still runs it
  CHECK(one.flight.expired_since() == 9);
  CHECK(one.flight.running_since() == 0);
  CHECK_FALSE(one.flight.end());
  CHECK_FALSE(one.flight.busy());
}

// SPDX-License-Identifier: Apache-2.0
// Workers that do not move, and those that cannot even die.
#include <catch2/catch.hpp>

#include "tests/support/cpp/serving_fleet.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

TEST_CASE("a worker that says that it hangs is replaced, and told why", "[fleet]") {
  Serving toy{{.workers = 2}};
  toy.worker_says(*toy.system.worker(1), wire::Kind::hangs);
  const News silent = toy.last(News::Kind::silent);
  CHECK(silent.serial == 1);
  CHECK(toy.system.worker(1)->told_to_go);  // its replacement need not serve first
  CHECK_FALSE(toy.system.worker(2)->told_to_go);
  CHECK(toy.count(State::forking) == 1);
  toy.advance(5s);
  CHECK(toy.system.worker(1)->killed);
}

TEST_CASE("workers that SIGKILL does not end give their places back", "[fleet]") {
  Serving toy{{.workers = 2}};
  for (const std::uint32_t serial : {1U, 2U})
    toy.worker_says(*toy.system.worker(serial), wire::Kind::hangs);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  CHECK(toy.count(State::serving) == 1);  // workers + max_surge are alive
  toy.advance(5s);                        // SIGKILL, and nobody dies
  CHECK(toy.count(State::killed) == 2);
  toy.advance(10s);
  CHECK(toy.last(News::Kind::undead).pid > 0);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  CHECK(toy.count(State::serving) == 2);
  CHECK(toy.fleet.pool().written_off() == 2);
  // Their end, when it comes, is nothing new.
  toy.worker_dies(1);
  toy.worker_dies(2);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  CHECK(toy.count(State::serving) == 2);
  CHECK(toy.fleet.pool().written_off() == 0);
}

TEST_CASE("a server that stops does not wait for workers that cannot die", "[fleet]") {
  Serving toy{{.workers = 1}};
  toy.worker_says(*toy.system.worker(1), wire::Kind::hangs);
  toy.advance(5s);
  toy.advance(10s);
  REQUIRE(toy.fleet.pool().written_off() == 1);
  CHECK_FALSE(toy.fleet.pool().empty());
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  toy.fleet.stop(true);
  toy.fleet.tick();
  CHECK_FALSE(toy.fleet.pool().empty());
  toy.worker_dies(toy.slot(1).process.serial);
  CHECK(toy.fleet.pool().empty());
  // Nor does its zygote, whose worker it was.
  CHECK(toy.system.told.back().kind == wire::Kind::quit);
}

namespace {

struct Pinged : Serving {
  Pinged() : Serving{{.workers = 1}} {}
  // The next pings, each answered or not.
  void ping(unsigned times, bool answered) {
    for (unsigned i = 0; i < times; ++i) {
      const int before = system.pings;
      advance(Nursery::kPingPeriod);
      if (system.zygote(1)->killed) return;
      REQUIRE(system.pings == before + 1);
      if (answered) zygote_says(1, wire::Kind::pong);
    }
  }
};

}  // namespace

TEST_CASE("a zygote that answers no more is replaced, though nobody needs it now",
          "[fleet]") {
  Pinged toy;
  toy.ping(20, true);
  CHECK_FALSE(toy.system.zygote(1)->killed);
  toy.ping(Heartbeat::kMost - 1, false);
  CHECK_FALSE(toy.system.zygote(1)->killed);
  toy.ping(1, true);
  toy.ping(Heartbeat::kMost + 1, false);
  CHECK(toy.system.zygote(1)->killed);
  const auto news = toy.fleet.take_zygote_news();
  CHECK(std::ranges::count(news, ZygoteNews::Kind::silent, &ZygoteNews::kind) == 1);
  CHECK_FALSE(toy.system.worker(1)->told_to_go);
  CHECK(toy.count(State::serving) == 1);
}

TEST_CASE("a zygote of a program that knows no pings is not killed for its silence",
          "[fleet]") {
  Pinged toy;
  toy.ping(5 * Heartbeat::kMost, false);
  CHECK_FALSE(toy.system.zygote(1)->killed);
}

TEST_CASE("that a worker does not die is told rarer and rarer, for ever", "[fleet]") {
  Serving toy{{.workers = 1}};
  toy.worker_says(*toy.system.worker(1), wire::Kind::hangs);
  toy.advance(5s);
  int complaints = 0;
  for (int minute = 0; minute < 60; ++minute) {
    for (int i = 0; i < 6; ++i) toy.advance(10s);
    for (const News& news : toy.fleet.take_worker_news())
      complaints += news.kind == News::Kind::undead ? 1 : 0;
  }
  CHECK(complaints >= 8);
  CHECK(complaints <= 14);
}

TEST_CASE("a stop leaves no moment behind that is past: the master would spin",
          "[fleet]") {
  Serving toy{{.workers = 1}};
  const auto* worker = toy.system.worker(1);
  toy.fleet.pool().on_message(worker->slot, 1,
                              {{.kind = wire::Kind::learned,
                                .slot = worker->slot,
                                .serial = 1,
                                .generation = 1},
                               "!site.views\n",
                               {}});
  toy.fleet.tick();
  REQUIRE(toy.fleet.next_wakeup() <= toy.system.clock + 500ms);  // to try the import
  toy.fleet.stop(false);
  toy.fleet.tick();
  toy.advance(1s);
  CHECK(toy.fleet.next_wakeup() > toy.system.clock);
}

TEST_CASE("workers look at the listeners when one was killed, and at no other end",
          "[fleet]") {
  const bool killed = GENERATE(false, true);
  Serving toy{{.workers = 3}};
  toy.system.told.clear();
  toy.worker_dies(2, killed ? Death{true, false, SIGKILL} : Death{false, false, 0});
  std::vector<std::uint32_t> looked;
  for (const wire::Frame& frame : toy.system.told)
    if (frame.kind == wire::Kind::look) looked.push_back(frame.serial);
  CHECK(looked ==
        (killed ? std::vector<std::uint32_t>{1, 3} : std::vector<std::uint32_t>{}));
}

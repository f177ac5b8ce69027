// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/support/cpp/toy_reload.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

using Kind = FleetNews::Kind;

constexpr Death kOutOfMemory{
    .by_signal = true, .code = SIGKILL, .out_of_memory = true};

// Generation 2 is committed, and that of generation 1 is parked for five minutes.
struct Parked : Reload {
  explicit Parked(PoolSettings settings = {.workers = 2})
      : Reload{settings, 0s, 5min} {
    settle(2);
    REQUIRE(last_news().kind == Kind::committed);
    REQUIRE(is_parked());
  }

  [[nodiscard]] bool is_parked() const { return fleet.last().parked(); }

  // A worker of that generation dies as it runs a request, and another one comes.
  void dies_in_a_request(std::uint32_t generation, Death how = {true, false, SIGSEGV}) {
    const std::uint32_t serial = one_of(generation);
    REQUIRE(serial != 0);
    system.worker(serial)->busy = true;
    worker_dies(serial, how);
    advance(30s);
    zygote_forks(generation);
    everybody_is_ready();
  }
};

}  // namespace

TEST_CASE("after the commit the old zygote is parked, and ends when its time is over",
          "[fallback]") {
  Parked toy;
  CHECK_FALSE(toy.fleet.busy());
  CHECK(toy.fleet.at_rest());
  CHECK_FALSE(toy.system.zygote(1)->told_to_go);
  toy.advance(5min - 1s);
  CHECK(toy.is_parked());
  CHECK(toy.fleet.next_wakeup() <= toy.system.clock + 1s);
  toy.advance(1s);
  CHECK(toy.last_news().kind == Kind::no_way_back);
  CHECK(toy.system.zygote(1)->told_to_go);
  CHECK_FALSE(toy.is_parked());
}

TEST_CASE("without a time for it nothing is parked", "[fallback]") {
  Reload toy{{.workers = 2}, 0s, 0s};
  toy.settle(2);
  CHECK(toy.last_news().kind == Kind::committed);
  CHECK_FALSE(toy.fleet.last().parked());
  CHECK(toy.system.zygote(1)->told_to_go);
}

TEST_CASE("workers that cannot be kept bring the old code back, once", "[fallback]") {
  Parked toy;
  for (int i = 0; i < 10 && toy.fleet.generation() == 2; ++i) {
    toy.worker_dies(toy.one_of(2));
    toy.worker_dies(toy.one_of(2));
    if (toy.fleet.generation() != 2) break;
    toy.advance(1s);
    toy.zygote_forks(2);
    toy.everybody_is_ready();
  }
  CHECK(toy.fleet.generation() == 1);
  auto news = toy.fleet.take_news();
  REQUIRE(news.size() == 1);
  CHECK(news[0].kind == Kind::fell_back);
  CHECK(news[0].generation == 2);
  CHECK(news[0].reason.find("no worker can be kept serving") == 0);
  CHECK(toy.step() == ReloadStep::restoring);
  toy.settle(1);
  CHECK(toy.last_news().kind == Kind::restored);
  CHECK(toy.serving(1) == 2);
  CHECK(toy.system.zygote(2)->told_to_go);
  // What the old code does is no matter any more: there is nothing behind it.
  for (int i = 0; i < 20; ++i) toy.dies_in_a_request(1);
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.fleet.take_news().empty());
}

TEST_CASE("three deaths in a request bring the old code back", "[fallback]") {
  Parked toy;
  toy.dies_in_a_request(2);
  toy.dies_in_a_request(2);
  SECTION("if no worker has answered ten") {
    toy.dies_in_a_request(2);
    CHECK(toy.fleet.generation() == 1);
    CHECK(toy.fleet.take_news().front().kind == Kind::fell_back);
  }
  SECTION("not when one has") {
    toy.system.worker(toy.one_of(2))->traffic = {10, 0};
    for (int i = 0; i < 3; ++i) toy.dies_in_a_request(2);
    CHECK(toy.fleet.generation() == 2);
  }
}

TEST_CASE("all workers that somebody kills at once are no reason to go back",
          "[fallback]") {
  Parked toy{{.workers = 4, .max_surge = 4}};
  for (int i = 0; i < 4; ++i) {
    toy.system.worker(toy.one_of(2))->busy = true;
    toy.system.worker(toy.one_of(2))->traffic = {50, 0};
    toy.worker_dies(toy.one_of(2), {true, false, SIGKILL});
  }
  CHECK(toy.serving(2) == 0);
  CHECK(toy.fleet.generation() == 2);
  CHECK(toy.is_parked());
}

TEST_CASE("more errors than before are told once, and change nothing", "[fallback]") {
  Parked toy;
  toy.system.worker(toy.one_of(2))->traffic = {100, 30};
  toy.advance(1s);
  const FleetNews news = toy.last_news();
  CHECK(news.kind == Kind::worse);
  CHECK(news.reason.find("30 of 100") != std::string::npos);
  toy.advance(1s);
  toy.advance(1min);
  CHECK(toy.fleet.take_news().empty());
  CHECK(toy.fleet.generation() == 2);
  CHECK(toy.is_parked());
}

TEST_CASE("the way back ends early, and says why", "[fallback]") {
  Parked toy;
  std::string why;
  SECTION("when memory is short") {
    toy.system.short_of_memory = true;
    toy.advance(1s);
    why = "memory is short";
  }
  SECTION("when a worker of the new code had no memory: no reason to go back") {
    for (int i = 0; i < 9; ++i) toy.dies_in_a_request(2, kOutOfMemory);
    why = "memory is short";
  }
  SECTION("when the parked zygote ends: another would import what is there now") {
    toy.system.die(*toy.system.zygote(1), {true, false, SIGKILL});
    toy.fleet.nursery().on_pidfd(1);
    toy.fleet.tick();
    toy.advance(1h);
    CHECK(toy.system.zygote(1) == nullptr);
    why = "its zygote ended";
  }
  const auto all = toy.fleet.take_news();
  REQUIRE(all.size() == 1);
  CHECK(all[0].kind == Kind::no_way_back);
  CHECK(all[0].reason == why);
  CHECK(toy.fleet.generation() == 2);
}

TEST_CASE("a reload that is refused does not cost the way back", "[fallback]") {
  Parked toy;
  toy.fleet.propose({{}, {.workers = 2}, 0s, 5min});
  SECTION("while it imports") {
    toy.zygote_says(3, wire::Kind::load_failed, 3, "SyntaxError");
    toy.fleet.tick();
  }
  SECTION("while it is tried") {
    toy.zygote_loads(3);
    toy.zygote_forks(3);
    toy.worker_dies(toy.system.beings.rbegin()->second.serial);
  }
  CHECK(toy.last_news().kind == Kind::refused);
  CHECK(toy.is_parked());
  for (int i = 0; i < 3; ++i) toy.dies_in_a_request(2);
  CHECK(toy.fleet.generation() == 1);
}

TEST_CASE("old code that comes back while newer code is tried is replaced by that",
          "[fallback]") {
  Parked toy;
  for (int i = 0; i < 2; ++i) toy.dies_in_a_request(2);
  toy.fleet.propose({{}, {.workers = 2}, 0s, 5min});
  toy.zygote_loads(3);
  const std::uint32_t third = toy.one_of(2);
  toy.system.worker(third)->busy = true;
  toy.worker_dies(third);
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.step() == ReloadStep::canary);
  toy.zygote_forks(1);
  toy.settle(3);
  CHECK(toy.last_news().kind == Kind::committed);
  CHECK(toy.serving(3) == 2);
  CHECK(toy.fleet.last().previous.generation == 1);
}

TEST_CASE("the next commit parks the code before it, and ends what was parked",
          "[fallback]") {
  Parked toy;
  toy.fleet.propose({{}, {.workers = 2}, 0s, 5min});
  toy.zygote_loads(3);
  toy.settle(3);
  CHECK(toy.last_news().kind == Kind::committed);
  CHECK(toy.system.zygote(1)->told_to_go);
  CHECK_FALSE(toy.system.zygote(2)->told_to_go);
  CHECK(toy.fleet.last().previous.generation == 2);
}

TEST_CASE("a roll back leads to committed code whose own way back is still open",
          "[fallback]") {
  Parked toy;
  toy.fleet.propose({{}, {.workers = 2}, 1min, 5min});
  toy.zygote_loads(3);
  toy.settle(3);
  REQUIRE(toy.step() == ReloadStep::observing);
  toy.dies_in_a_request(3);
  toy.settle(2);
  CHECK(toy.fleet.generation() == 2);
  CHECK(toy.is_parked());
  for (int i = 0; i < 3; ++i) toy.dies_in_a_request(2);
  CHECK(toy.fleet.generation() == 1);
}

TEST_CASE("a stop and an upgrade end what is parked", "[fallback]") {
  Parked toy;
  SECTION("stop") {
    toy.fleet.stop(false);
    toy.fleet.tick();
  }
  SECTION("upgrade") {
    toy.fleet.forget_way_back();
  }
  CHECK(toy.system.zygote(1)->told_to_go);
  CHECK(toy.fleet.take_news().empty());
}

TEST_CASE("how workers are kept now holds for the code that comes back, too",
          "[fallback]") {
  Parked toy;
  toy.fleet.set_workers(3);
  toy.settle(2);
  for (int i = 0; i < 3; ++i) toy.dies_in_a_request(2);
  toy.settle(1);
  CHECK(toy.serving(1) == 3);
}

// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/support/cpp/toy_reload.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

using FleetKind = FleetNews::Kind;

constexpr Death kOutOfMemory{.by_signal = true, .code = SIGKILL, .out_of_memory = true};

// Generation 2 is committed, and that of generation 1 is parked for five minutes.
struct Parked : Reload {
  explicit Parked(PoolSettings settings = {.workers = 2}) : Reload{settings, 0s, 5min} {
    settle(2);
    REQUIRE(last_news().kind == FleetKind::committed);
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
  CHECK(toy.last_news().kind == FleetKind::no_way_back);
  CHECK(toy.system.zygote(1)->told_to_go);
  CHECK_FALSE(toy.is_parked());
}

TEST_CASE("without a time for it nothing is parked", "[fallback]") {
  Reload toy{{.workers = 2}, 0s, 0s};
  toy.settle(2);
  CHECK(toy.last_news().kind == FleetKind::committed);
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
  CHECK(news[0].kind == FleetKind::fell_back);
  CHECK(news[0].generation == 2);
  CHECK(news[0].reason.find("no worker can be kept serving") == 0);
  CHECK(toy.step() == ReloadStep::restoring);
  toy.settle(1);
  CHECK(toy.last_news().kind == FleetKind::restored);
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
    CHECK(toy.fleet.take_news().front().kind == FleetKind::fell_back);
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
  CHECK(news.kind == FleetKind::worse);
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
  CHECK(all[0].kind == FleetKind::no_way_back);
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
  CHECK(toy.last_news().kind == FleetKind::refused);
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
  CHECK(toy.last_news().kind == FleetKind::committed);
  CHECK(toy.serving(3) == 2);
  CHECK(toy.fleet.last().previous.generation == 1);
}

TEST_CASE("the next commit parks the code before it, and ends what was parked",
          "[fallback]") {
  Parked toy;
  toy.fleet.propose({{}, {.workers = 2}, 0s, 5min});
  toy.zygote_loads(3);
  toy.settle(3);
  CHECK(toy.last_news().kind == FleetKind::committed);
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

namespace {

using worker::Rehearsed;
using Ending = Rehearsed::Ending;

// Generation 2 is imported and asked for what generation 1 was asked for.
struct Rehearsing : Reload {
  Rehearsing() : Reload{{.workers = 2}, 0s, 0s, 3} {
    REQUIRE(step() == ReloadStep::rehearsing);
    REQUIRE(system.rehearsals.size() == 1);
    REQUIRE(system.zygote(2)->orders.empty());
  }

  void answers(std::uint32_t generation, Ending ending, std::string reason = {}) {
    std::vector<Rehearsed> all;
    for (const std::string& target : system.rehearsals.back())
      all.push_back({target, ending, reason});
    zygote_says(generation, wire::Kind::rehearsed, 0, worker::to_json(all));
    fleet.tick();
  }
};

}  // namespace

TEST_CASE("new code answers requests inside itself before its first worker starts",
          "[rehearsal]") {
  Rehearsing toy;
  CHECK(toy.fleet.busy());
  CHECK(toy.system.rehearsals[0] == std::vector<std::string>{"/"});
  toy.answers(2, Ending::answered);
  CHECK(toy.fleet.take_news().front().reason == "1 request rehearsed: it is answered");
  CHECK(toy.step() == ReloadStep::canary);
  toy.settle(2);
  CHECK(toy.last_news().kind == FleetKind::committed);
}

TEST_CASE("what the old code answers, and the new code twice does not, is a refusal",
          "[rehearsal]") {
  Rehearsing toy;
  toy.answers(2, Ending::failed, "KeyError: 'x'\nTraceback");
  REQUIRE(toy.system.rehearsals.size() == 2);
  CHECK(toy.system.told.back().generation == 1);
  SECTION("the old code answers") {
    toy.answers(2, Ending::answered);  // out of turn
    CHECK(toy.step() == ReloadStep::rehearsing);
    toy.answers(1, Ending::answered);
    REQUIRE(toy.system.rehearsals.size() == 3);
    CHECK(toy.system.told.back().generation == 2);
    SECTION("and the new code fails again") {
      toy.answers(2, Ending::failed, "KeyError: 'y'\nTraceback");
      const FleetNews news = toy.last_news();
      CHECK(news.kind == FleetKind::refused);
      CHECK(
          news.reason.starts_with("GET / fails in the new code, and the old code "
                                  "answers it: KeyError: 'y'"));
      CHECK(toy.system.zygote(2)->told_to_go);
      CHECK(toy.serving(1) == 2);
      return;
    }
    SECTION("but the new code answers the second time") {
      toy.answers(2, Ending::answered);
    }
    SECTION("and the new code is late the second time") {
      toy.advance(10s);
    }
  }
  SECTION("the old code fails as well: a database is down") {
    toy.answers(1, Ending::failed, "KeyError: 'x'");
  }
  SECTION("the old code says nothing in time") {
    toy.advance(10s);
  }
  SECTION("the old code says nothing of it") {
    toy.zygote_says(1, wire::Kind::rehearsed, 0, "[]");
    toy.fleet.tick();
    CHECK(toy.step() == ReloadStep::rehearsing);
    toy.advance(10s);
  }
  SECTION("the zygote of the old code ends") {
    toy.system.die(*toy.system.zygote(1), {true, false, SIGKILL});
    toy.fleet.nursery().on_pidfd(1);
    toy.fleet.tick();
  }
  CHECK(toy.step() == ReloadStep::canary);
}

TEST_CASE("a rehearsal that does not end is no failure, a zygote that does is",
          "[rehearsal]") {
  Rehearsing toy;
  SECTION("late") {
    toy.answers(2, Ending::unfinished);
    CHECK(toy.step() == ReloadStep::canary);
  }
  SECTION("no word at all") {
    toy.advance(4s);
    CHECK(toy.step() == ReloadStep::rehearsing);
    toy.advance(4s);
    CHECK(toy.step() == ReloadStep::canary);
    toy.answers(2, Ending::failed);  // too late
    CHECK(toy.fleet.busy());
  }
  SECTION("nonsense") {
    toy.zygote_says(2, wire::Kind::rehearsed, 0, "{]");
    toy.fleet.tick();
    CHECK(toy.step() == ReloadStep::rehearsing);
  }
  SECTION("the new zygote ends") {
    toy.system.die(*toy.system.zygote(2), {true, false, SIGKILL});
    toy.fleet.nursery().on_pidfd(2);
    toy.fleet.tick();
    CHECK(toy.last_news().kind == FleetKind::refused);
    CHECK(toy.serving(1) == 2);
  }
}

TEST_CASE("a health check of the operator's own takes the place of the rehearsal",
          "[rehearsal]") {
  Reload toy{{.workers = 2, .check_health = true}, 0s, 0s, 3};
  CHECK(toy.step() == ReloadStep::canary);
  CHECK(toy.system.rehearsals.empty());
}

TEST_CASE(
    "where workers import by themselves the code of the old release is asked from "
    "the disk, and has time to import",
    "[rehearsal]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1, .boot_timeout = 30s}});
  toy.zygote_says(1, wire::Kind::loaded, -1);
  toy.fleet.tick();
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  toy.fleet.propose({{}, {.workers = 1, .boot_timeout = 30s}, 0s, 0s, 3, 5s});
  toy.zygote_loads(2);
  const std::vector<Rehearsed> failed{{"/", Ending::failed, "KeyError"}};
  toy.zygote_says(2, wire::Kind::rehearsed, 0, worker::to_json(failed));
  toy.fleet.tick();
  REQUIRE(toy.system.rehearsals.size() == 2);
  CHECK(toy.system.told.back().value == 35'000);
  toy.zygote_says(1, wire::Kind::rehearsed, 0, worker::to_json(failed));
  toy.fleet.tick();
  CHECK(toy.fleet.reload().step == ReloadStep::canary);
}

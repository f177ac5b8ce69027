// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/transaction.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/toy_reload.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

using FleetKind = FleetNews::Kind;

}  // namespace

TEST_CASE("new code is tried by one worker while all the old ones serve",
          "[transaction]") {
  Reload toy{{.workers = 3, .max_surge = 3}};
  CHECK(toy.step() == ReloadStep::canary);
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.system.zygote(2)->orders.size() == 1);
  toy.zygote_forks(2);
  CHECK_FALSE(toy.fleet.at_rest());
  CHECK(toy.serving(1) == 3);
  toy.everybody_is_ready();
  CHECK(toy.step() == ReloadStep::rolling);
  CHECK(toy.fleet.generation() == 2);
  toy.settle(2);
  CHECK(toy.fleet.at_rest());
  CHECK(toy.last_news().kind == FleetKind::committed);
  CHECK(toy.serving(2) == 3);
  CHECK_FALSE(toy.fleet.busy());
}

TEST_CASE("without a surge one worker leaves for the one on trial", "[transaction]") {
  Reload toy{{.workers = 3, .max_surge = 0, .max_unavailable = 1}};
  CHECK(toy.serving(1) == 2);
  toy.settle(2);
  CHECK(toy.last_news().kind == FleetKind::committed);
  CHECK(toy.serving(2) == 3);
}

TEST_CASE("a first worker that cannot start refuses the new code", "[transaction]") {
  Reload toy{{.workers = 2}};
  toy.zygote_forks(2);
  SECTION("it says why") {
    toy.worker_says(*toy.system.worker(3), wire::Kind::boot_failed, 1);
  }
  SECTION("it dies") {
    toy.worker_dies(3);
  }
  SECTION("it hangs") {
    toy.advance(60s);
    CHECK(toy.system.worker(3)->killed);
  }
  SECTION("its health check hangs") {
    toy.worker_says(*toy.system.worker(3), wire::Kind::checking);
    toy.advance(10s);
    CHECK(toy.system.worker(3)->killed);
    const FleetNews news = toy.last_news();
    CHECK(news.reason.find("health check in time") != std::string::npos);
    CHECK(toy.step() == ReloadStep::none);
    return;
  }
  const FleetNews news = toy.last_news();
  CHECK(news.kind == FleetKind::refused);
  CHECK(news.generation == 2);
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.serving(1) == 2);
  toy.worker_dies(3);
  CHECK(toy.system.zygote(2)->told_to_go);
  toy.advance(1h);
  CHECK(toy.system.zygote(1)->orders.empty());
}

TEST_CASE("a new worker that dies brings the old code back", "[transaction]") {
  Reload toy{{.workers = 3}};
  for (int turn = 0; turn < 2; ++turn) {
    toy.zygote_forks(2);
    toy.everybody_is_ready();
    for (std::uint32_t serial = 1; serial <= 3; ++serial)
      if (auto* w = toy.system.worker(serial); w != nullptr && w->told_to_go)
        toy.worker_dies(serial, {});
  }
  REQUIRE(toy.serving(2) == 2);
  REQUIRE(toy.serving(1) == 1);
  const std::uint32_t victim = toy.one_of(2);
  toy.worker_dies(victim);
  CHECK(toy.step() == ReloadStep::restoring);
  CHECK(toy.fleet.generation() == 1);
  const FleetNews news = toy.last_news();
  CHECK(news.kind == FleetKind::rolled_back);
  CHECK(news.serial == victim);
  CHECK(news.reason.find("SIGSEGV") != std::string::npos);
  CHECK_FALSE(toy.system.zygote(1)->orders.empty());
  toy.zygote_forks(2);  // what was asked of it before
  toy.zygote_forks(1);
  CHECK_FALSE(toy.fleet.at_rest());
  toy.settle(1);
  CHECK(toy.last_news().kind == FleetKind::restored);
  CHECK(toy.serving(1) == 3);
  CHECK(toy.serving(2) == 0);
  CHECK(toy.system.zygote(2)->told_to_go);
}

TEST_CASE("a crash after the commit rolls nothing back", "[transaction]") {
  Reload toy{{.workers = 2}};
  toy.settle(2);
  REQUIRE(toy.last_news().kind == FleetKind::committed);
  toy.worker_dies(toy.one_of(2));
  CHECK(toy.fleet.generation() == 2);
  CHECK(toy.fleet.take_news().empty());
}

TEST_CASE("while new code is watched the way back stays open", "[transaction]") {
  Reload toy{{.workers = 2}, 60s};
  toy.settle(2);
  CHECK(toy.step() == ReloadStep::observing);
  CHECK(toy.serving(2) == 2);
  CHECK_FALSE(toy.system.zygote(1)->told_to_go);
  SECTION("it is committed when the time is over") {
    toy.advance(59s);
    CHECK(toy.step() == ReloadStep::observing);
    CHECK(toy.fleet.next_wakeup() <= toy.system.clock + 1s);
    toy.advance(1s);
    CHECK(toy.last_news().kind == FleetKind::committed);
    CHECK(toy.system.zygote(1)->told_to_go);
  }
  SECTION("a crash brings the old code back") {
    toy.worker_dies(toy.one_of(2));
    toy.settle(1);
    CHECK(toy.serving(1) == 2);
  }
  SECTION("many more errors than before bring the old code back") {
    toy.system.worker(toy.one_of(2))->traffic = {100, 30};
    toy.advance(1s);
    CHECK(toy.last_news().kind == FleetKind::rolled_back);
    toy.settle(1);
    CHECK(toy.serving(1) == 2);
  }
}

TEST_CASE("more errors while new code is watched are told once, if it may have them",
          "[transaction]") {
  Reload toy{{.workers = 2}};
  toy.settle(2);
  toy.fleet.propose({.pool = {.workers = 2}, .observe = 60s, .tolerates_errors = true});
  toy.zygote_loads(3);
  toy.settle(3);
  REQUIRE(toy.step() == ReloadStep::observing);
  (void)toy.fleet.take_news();
  toy.system.worker(toy.one_of(3))->traffic = {100, 30};
  toy.advance(1s);
  CHECK(toy.last_news().kind == FleetKind::worse);
  toy.advance(1s);
  CHECK(toy.fleet.take_news().empty());
  toy.advance(1min);
  CHECK(toy.last_news().kind == FleetKind::committed);
  CHECK(toy.fleet.generation() == 3);
}

TEST_CASE("a worker that had no memory while new code is watched is replaced",
          "[transaction]") {
  Reload toy{{.workers = 2}, 60s};
  toy.settle(2);
  toy.worker_dies(toy.one_of(2),
                  {.by_signal = true, .code = SIGKILL, .out_of_memory = true});
  CHECK(toy.step() == ReloadStep::observing);
  toy.advance(1s);
  toy.settle(2);
  CHECK(toy.serving(2) == 2);
}

TEST_CASE("errors that were there before are no reason to go back", "[transaction]") {
  CHECK_FALSE(clearly_worse({1000, 100}, {100, 12}));
  CHECK_FALSE(clearly_worse({0, 0}, {10'000, 5}));
  CHECK_FALSE(clearly_worse({0, 0}, {4, 4}));
  CHECK(clearly_worse({0, 0}, {5, 5}));
  CHECK(clearly_worse({1000, 100}, {100, 30}));
}

TEST_CASE("forks that fail for ever end the reload", "[transaction]") {
  Reload toy{{.workers = 1}};
  for (int i = 0; i < 5; ++i) {
    REQUIRE(toy.fleet.busy());
    wire::Frame answer = toy.system.zygote(2)->orders.back();
    answer.kind = wire::Kind::fork_failed;
    answer.value = EAGAIN;
    toy.fleet.nursery().on_message(2, {answer, {}, {}});
    toy.fleet.tick();
    toy.advance(1h);
  }
  CHECK_FALSE(toy.fleet.busy());
  CHECK(toy.last_news().reason.find("could be forked") != std::string::npos);
}

TEST_CASE("a new zygote that ends while its workers take over is a reason to go back",
          "[transaction]") {
  Reload toy{{.workers = 2}};
  toy.zygote_forks(2);
  toy.everybody_is_ready();
  toy.system.die(*toy.system.zygote(2), {true, false, SIGKILL});
  toy.fleet.nursery().on_pidfd(2);
  toy.fleet.tick();
  CHECK(toy.step() == ReloadStep::restoring);
  toy.settle(1);
  CHECK(toy.serving(1) == 2);
}

TEST_CASE("a roll back that is not complete does not keep the next reload waiting",
          "[transaction]") {
  Reload toy{{.workers = 2}};
  toy.zygote_forks(2);
  toy.everybody_is_ready();
  toy.worker_dies(toy.one_of(2));
  REQUIRE(toy.step() == ReloadStep::restoring);
  REQUIRE_FALSE(toy.fleet.busy());
  CHECK(toy.fleet.propose({{}, {.workers = 2}}) == 3);
  toy.zygote_loads(3);
  toy.settle(1);
  toy.settle(3);
  CHECK(toy.last_news().kind == FleetKind::committed);
  CHECK(toy.serving(3) == 2);
}

TEST_CASE("workers make a health check only while their code can be refused",
          "[transaction]") {
  Reload toy{{.workers = 1, .check_health = true}};
  CHECK(toy.system.zygote(2)->orders.front().value ==
        (wire::kCheckHealth | wire::kRefuseBroken));
  toy.settle(2);
  REQUIRE_FALSE(toy.fleet.busy());
  toy.worker_dies(toy.one_of(2));
  toy.advance(1s);
  CHECK(toy.system.zygote(2)->orders.front().value == 0);
}

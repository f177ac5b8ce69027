// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/fleet.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/cpp/serving_fleet.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

TEST_CASE("workers are started when the application is imported, not before",
          "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 2}});
  toy.fleet.tick();
  CHECK(toy.fleet.pool().slots().empty());
  CHECK(toy.fleet.generation() == 0);
  toy.zygote_loads(1);
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.system.zygote(1)->orders.size() == 2);
}

TEST_CASE("an import that fails leaves the serving generation alone", "[fleet]") {
  Serving toy{{.workers = 2}};
  CHECK(toy.fleet.propose({{}, {.workers = 2}}) == 2);
  toy.zygote_says(2, wire::Kind::load_failed, 3, "ModuleNotFoundError: no site");
  toy.fleet.tick();
  const auto news = toy.fleet.take_news();
  REQUIRE(news.size() == 1);
  CHECK(news[0].kind == FleetNews::Kind::refused);
  CHECK(news[0].failure == 3);
  CHECK(news[0].reason == "ModuleNotFoundError: no site");
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.fleet.candidate() == 0);
  CHECK(toy.count(State::serving) == 2);
}

TEST_CASE("an import that hangs is killed at its deadline and refused", "[fleet]") {
  Serving toy{{.workers = 1}};
  toy.fleet.propose({{}, {.workers = 1, .boot_timeout = 5s}});
  toy.fleet.tick();
  CHECK(toy.fleet.next_wakeup() <= toy.system.clock + 5s);
  toy.advance(5s);
  CHECK(toy.system.asked_for_stacks == 1);
  CHECK_FALSE(toy.system.zygote(2)->killed);
  toy.advance(300ms);
  CHECK(toy.system.asked_for_stacks == 1);
  CHECK(toy.system.zygote(2)->killed);
  CHECK(toy.fleet.candidate() == 0);
  CHECK(toy.count(State::serving) == 1);
}

TEST_CASE("a reload replaces one after the other, and the old zygote leaves last",
          "[fleet]") {
  Serving toy{{.workers = 2}};
  toy.fleet.propose({{}, {.workers = 2}});
  toy.zygote_loads(2);
  CHECK_FALSE(toy.system.zygote(1)->told_to_go);
  for (int turn = 0; turn < 2; ++turn) {
    toy.zygote_forks(2);
    CHECK(toy.count(State::serving) == 2);
    toy.everybody_is_ready();
    CHECK(toy.count(State::draining) == 1);
    for (std::uint32_t serial = 1; serial <= 2; ++serial)
      if (auto* w = toy.system.worker(serial); w != nullptr && w->told_to_go)
        toy.worker_dies(serial, {});
  }
  CHECK(toy.fleet.pool().took_over());
  CHECK(toy.system.zygote(1)->told_to_go);
  const auto news = toy.fleet.take_news();
  REQUIRE(news.size() == 3);
  CHECK(news[0].kind == FleetNews::Kind::imported);
  CHECK(news[1].kind == FleetNews::Kind::rolling);
  CHECK(news[2].kind == FleetNews::Kind::committed);
}

TEST_CASE("a long request does not hold up the replacement of idle workers",
          "[fleet]") {
  Serving toy{{.workers = 3}};
  toy.system.worker(1)->busy = true;
  toy.fleet.propose({{}, {.workers = 3}});
  toy.zygote_loads(2);
  for (int turn = 0; turn < 3; ++turn) {
    toy.zygote_forks(2);
    toy.everybody_is_ready();
    for (std::uint32_t serial = 2; serial <= 3; ++serial)
      if (auto* w = toy.system.worker(serial); w != nullptr && w->told_to_go)
        toy.worker_dies(serial, {});
  }
  CHECK(toy.slot(0).view.state == State::draining);
  for (const auto& slot : toy.fleet.pool().slots())
    if (slot.view.state == State::serving) CHECK(slot.view.generation == 2);
}

TEST_CASE("a worker that hangs while draining is killed and costs no pause",
          "[fleet]") {
  Serving toy{{.workers = 1, .graceful_timeout = 30s}};
  toy.worker_says(*toy.system.worker(1), wire::Kind::retire, 1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  REQUIRE(toy.slot(0).view.state == State::draining);
  toy.advance(30s);
  CHECK(toy.system.worker(1)->killed);
  toy.worker_dies(1, {true, false, SIGKILL});
  CHECK(toy.slot(0).view.may_start_at == Clock::time_point{});
}

TEST_CASE("a worker that starts with code that was withdrawn is not waited for",
          "[fleet]") {
  Serving toy{{.workers = 1, .graceful_timeout = 30s}};
  toy.fleet.propose({{}, {.workers = 1, .graceful_timeout = 30s}});
  toy.zygote_loads(2);
  toy.zygote_forks(2);
  toy.fleet.tick();
  REQUIRE(toy.fleet.reload().step == ReloadStep::canary);
  const bool withdrawn = GENERATE(true, false);
  if (withdrawn)
    toy.fleet.withdraw("its files have changed since");
  else
    toy.worker_dies(1, {});  // another slot changes meanwhile
  toy.fleet.tick();
  toy.fleet.tick();
  CHECK(toy.system.worker(2)->killed == withdrawn);
  if (!withdrawn) return;
  CHECK(toy.fleet.reload().step == ReloadStep::none);
  CHECK_FALSE(toy.system.worker(1)->killed);
}

TEST_CASE("a worker that could not be told to drain is told soon after", "[fleet]") {
  Serving toy{{.workers = 1, .graceful_timeout = 30s}};
  toy.worker_says(*toy.system.worker(1), wire::Kind::retire, 1);
  toy.zygote_forks(1);
  toy.system.fail_next_tell = ENOBUFS;
  toy.everybody_is_ready();
  REQUIRE(toy.slot(0).view.state == State::draining);
  CHECK_FALSE(toy.system.worker(1)->told_to_go);
  const auto wait = toy.fleet.pool().next_wakeup() - toy.system.clock;
  CHECK(wait > 0s);
  CHECK(wait < 1s);
  toy.advance(wait);
  CHECK(toy.system.worker(1)->told_to_go);
  CHECK(toy.system.told.size() == 1);
  toy.advance(1s);
  CHECK(toy.system.told.size() == 1);
}

TEST_CASE("a stuck worker that does not leave is killed after five seconds",
          "[fleet]") {
  Serving toy{{.workers = 1, .graceful_timeout = 30s}};
  toy.worker_says(*toy.system.worker(1), wire::Kind::stuck);
  CHECK_FALSE(toy.system.worker(1)->told_to_go);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  CHECK(toy.system.worker(1)->told_to_go);
  toy.advance(5s);
  CHECK(toy.system.worker(1)->killed);
}

TEST_CASE("a worker that was stopped is replaced, and one that lives is not",
          "[fleet]") {
  Serving toy{{.workers = 2}};
  toy.system.worker(1)->stopped = true;
  for (int second = 0; second < 20; ++second) toy.advance(1s);
  CHECK(toy.last(News::Kind::silent).serial == 1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  CHECK(toy.system.worker(1)->told_to_go);
  CHECK_FALSE(toy.system.worker(2)->told_to_go);
  toy.advance(5s);
  CHECK(toy.system.worker(1)->killed);
}

TEST_CASE("a suspended machine does not make its workers look dead", "[fleet]") {
  Serving toy{{.workers = 1}};
  toy.advance(2s);
  toy.system.worker(1)->stopped = true;
  toy.advance(1h);  // the master wakes first
  toy.system.worker(1)->stopped = false;
  for (int second = 0; second < 20; ++second) toy.advance(1s);
  for (const News& news : toy.fleet.take_worker_news())
    CHECK(news.kind != News::Kind::silent);
}

TEST_CASE("a crash rests the slot, longer each time", "[fleet]") {
  Serving toy{{.workers = 1}};
  toy.worker_dies(1);
  CHECK(toy.last(News::Kind::gone).pause == 100ms);
  toy.advance(99ms);
  CHECK(toy.count(State::forking) == 0);
  toy.advance(1ms);
  toy.zygote_forks(1);
  toy.worker_dies(2);
  CHECK(toy.last(News::Kind::gone).pause == 200ms);
}

TEST_CASE("a worker that is not ready in time is killed, and its slot rests",
          "[fleet]") {
  Serving toy{{.workers = 1, .boot_timeout = 2s}};
  toy.worker_dies(1);
  toy.advance(100ms);
  toy.zygote_forks(1);
  toy.advance(2s);
  CHECK(toy.system.worker(2)->killed);
  toy.worker_dies(2, {true, false, SIGKILL});
  CHECK(toy.slot(0).view.may_start_at > toy.system.clock);
}

TEST_CASE("when no worker can be forked, the pool waits instead of spinning",
          "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.system.fail_next_order = EMFILE;
  toy.zygote_loads(1);
  CHECK(toy.fleet.next_wakeup() == toy.system.clock + 100ms);
  toy.fleet.tick();
  CHECK(toy.system.zygote(1)->orders.empty());
  toy.advance(100ms);
  CHECK(toy.system.zygote(1)->orders.size() == 1);
}

TEST_CASE("a fork that the zygote could not do rests the slot", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_loads(1);
  wire::Frame answer = toy.system.zygote(1)->orders.front();
  answer.kind = wire::Kind::fork_failed;
  answer.value = EAGAIN;
  toy.fleet.nursery().on_message(1, {answer, {}, {}});
  toy.fleet.tick();
  CHECK(toy.slot(0).view.state == State::vacant);
  CHECK(toy.fleet.next_wakeup() == toy.system.clock + 100ms);
}

TEST_CASE("a message from a process that is gone changes nothing", "[fleet]") {
  Serving toy{{.workers = 1}};
  const ToySystem::Being gone = *toy.system.worker(1);
  toy.worker_dies(1);
  toy.advance(100ms);
  toy.zygote_forks(1);
  toy.worker_says(gone, wire::Kind::ready);
  CHECK(toy.slot(0).view.state == State::starting);
}

TEST_CASE("a zygote that dies is started again while its workers serve on", "[fleet]") {
  Serving toy{{.workers = 2}};
  toy.system.die(*toy.system.zygote(1), {true, false, SIGKILL});
  toy.fleet.nursery().on_hung_up(1);
  toy.fleet.nursery().on_pidfd(1);
  toy.fleet.tick();
  CHECK(toy.count(State::serving) == 2);
  CHECK(toy.system.zygote(1) == nullptr);
  toy.worker_dies(1);
  toy.advance(100ms);
  CHECK(toy.count(State::forking) == 0);
  REQUIRE(toy.system.zygote(1) != nullptr);
  toy.zygote_loads(1);
  CHECK(toy.count(State::forking) == 1);
}

TEST_CASE("a zygote that does not answer a fork request is replaced", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1, .boot_timeout = 3s}});
  toy.zygote_loads(1);
  toy.advance(3s);
  auto* zygote = toy.system.zygote(1);
  REQUIRE(zygote->killed);
  toy.system.die(*zygote, {true, false, SIGKILL});
  toy.fleet.nursery().on_pidfd(1);
  toy.fleet.tick();
  CHECK(toy.slot(0).view.state == State::vacant);
  toy.advance(1s);
  CHECK(toy.system.zygote(1) != nullptr);
}

TEST_CASE("a channel at its end without a death ends the process", "[fleet]") {
  Serving toy{{.workers = 1}};
  toy.fleet.pool().on_hung_up(0, 1);
  toy.fleet.tick();
  CHECK(toy.slot(0).view.state == State::lost);
  toy.advance(2s);
  CHECK(toy.system.worker(1)->killed);
}

TEST_CASE("a stop drains everybody for good, then dismisses the zygote", "[fleet]") {
  Serving toy{{.workers = 2}};
  toy.fleet.stop(false);
  toy.fleet.tick();
  CHECK(toy.count(State::draining) == 2);
  CHECK(toy.system.told.front().kind == wire::Kind::drain);
  CHECK(toy.system.told.front().value == 1);
  toy.worker_dies(1, {});
  // It cleans up what its workers use, so not before the last of them has left.
  CHECK(toy.system.told.back().kind == wire::Kind::drain);
  toy.worker_dies(2, {});
  CHECK(toy.system.told.back().kind == wire::Kind::quit);
  toy.system.die(*toy.system.zygote(1), {});
  toy.fleet.nursery().on_pidfd(1);
  toy.fleet.tick();
  CHECK(toy.fleet.empty());
}

TEST_CASE("a zygote with hooks hears of each end, and leaves after the last",
          "[fleet]") {
  ToyFleet toy;
  ZygoteOrder order;
  order.boot.gunicorn_conf = "gunicorn.conf.py";
  toy.fleet.propose({order, {.workers = 2}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  toy.fleet.stop(false);
  toy.fleet.tick();
  const int first = toy.system.worker(1)->pid;
  toy.worker_dies(1, {});
  REQUIRE(toy.system.told.back().kind == wire::Kind::worker_ended);
  CHECK(toy.system.told.back().value == first);
  CHECK(toy.system.told.back().serial == 1);
  CHECK_FALSE(toy.system.zygote(1)->told_to_go);
  toy.worker_dies(2, {});
  CHECK(toy.system.told.back().kind == wire::Kind::quit);
  CHECK(toy.system.told.back().value == 1);  // the server ends
  CHECK(toy.system.zygote(1)->told_to_go);
}

TEST_CASE("a zygote with hooks hears of each number of workers, and of an upgrade",
          "[fleet]") {
  ToyFleet toy;
  ZygoteOrder order;
  order.boot.gunicorn_conf = "gunicorn.conf.py";
  toy.fleet.propose({order, {.workers = 2}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  toy.system.told.clear();
  toy.fleet.set_workers(3);
  REQUIRE(toy.system.told.size() == 1);
  CHECK(toy.system.told[0].kind == wire::Kind::workers_wanted);
  CHECK(toy.system.told[0].value == 3);
  CHECK(toy.system.told[0].slot == 2);
  toy.fleet.set_workers(2);
  REQUIRE(toy.fleet.at_rest());
  toy.fleet.nursery().tell_upgrade(1);
  CHECK(toy.system.told.back().kind == wire::Kind::upgrade);
  CHECK_FALSE(toy.fleet.at_rest());  // the other program waits for the hook
  toy.fleet.nursery().on_message(
      1, {{.kind = wire::Kind::upgrade_heard, .generation = 1}, {}, {}});
  CHECK(toy.fleet.at_rest());
  // One that has no hooks, or is dismissed for new code, is told of neither.
  toy.fleet.propose({{}, {.workers = 2}});
  toy.zygote_loads(2);
  toy.fleet.nursery().tell_upgrade(2);
  CHECK_FALSE(toy.fleet.nursery().awaits_hooks());
  CHECK(toy.system.zygote(2)->told_to_go == false);
}

TEST_CASE("a second, quick stop cuts the first one short", "[fleet]") {
  Serving toy{{.workers = 1, .graceful_timeout = 30s}};
  toy.fleet.stop(false);
  toy.fleet.tick();
  toy.fleet.stop(true);
  toy.fleet.tick();
  CHECK(toy.system.told.back().kind == wire::Kind::stop);
  toy.advance(1s);
  CHECK(toy.system.worker(1)->killed);
}

TEST_CASE("a stop while the application is imported does not wait for it", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.fleet.stop(false);
  toy.fleet.tick();
  CHECK(toy.system.zygote(1)->killed);
}

TEST_CASE("a generation whose workers all die leaves the old ones serving", "[fleet]") {
  Serving toy{{.workers = 3}};
  toy.fleet.propose({{}, {.workers = 3}});
  toy.zygote_loads(2);
  for (int turn = 0; turn < 100; ++turn) {
    toy.zygote_forks(2);
    for (std::size_t i = 0; i < toy.fleet.pool().slots().size(); ++i)
      if (toy.slot(i).view.state == State::starting)
        toy.worker_dies(toy.slot(i).process.serial);
    REQUIRE(toy.count(State::serving) == 3);
    toy.system.clock = std::min(toy.fleet.next_wakeup(), toy.system.clock + 60s);
    toy.fleet.tick();
  }
}

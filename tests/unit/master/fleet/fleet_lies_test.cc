// SPDX-License-Identifier: Apache-2.0
// Processes that tell the fleet what is not so, or more often than it wants to know.
#include <catch2/catch.hpp>
#include <chrono>

#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

// One worker of generation 1 serves.
struct LyingFleet : ToyFleet {
  LyingFleet() {
    fleet.propose({{}, {.workers = 1}});
    zygote_loads(1);
    zygote_forks(1);
    everybody_is_ready();
  }
};

}  // namespace

TEST_CASE("a pid that is not a child of ours is not adopted", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_loads(1);
  const std::int64_t itself = toy.system.zygote(1)->pid;
  const std::int64_t older = toy.system.fork_for({.serial = 99}).pid;
  toy.advance(1s);
  for (const std::int64_t pid :
       {-1L, 0L, 1L, 77'777L, 1L << 40, long{itself}, long{older}}) {
    wire::Frame lie = toy.system.zygote(1)->orders.back();
    lie.kind = wire::Kind::forked;
    lie.value = pid;
    toy.fleet.nursery().on_message(1, {lie, {}, {}});
    toy.fleet.tick();
    CHECK(toy.slot(0).view.state == State::vacant);
    toy.advance(30s);
  }
}

TEST_CASE("a zygote that answers for another one is not heard", "[fleet]") {
  LyingFleet toy;
  toy.worker_dies(1);
  toy.advance(30s);  // the slot rests no more
  toy.fleet.propose({{}, {.workers = 1}});
  toy.fleet.tick();
  REQUIRE_FALSE(toy.system.zygote(1)->orders.empty());
  const wire::Frame order = toy.system.zygote(1)->orders.back();
  REQUIRE(toy.slot(0).view.state == State::forking);
  wire::Frame answer = order;
  answer.kind = wire::Kind::forked;
  answer.value = toy.system.fork_for(order).pid;
  for (const std::uint32_t generation : {2U, 1U}) {
    answer.generation = 2;
    toy.fleet.nursery().on_message(generation, {answer, {}, {}});
    toy.fleet.tick();
    CHECK(toy.slot(0).view.state == State::forking);
  }
  answer.generation = 1;
  toy.fleet.nursery().on_message(1, {answer, {}, {}});
  toy.fleet.tick();
  CHECK(toy.slot(0).view.state == State::starting);
}

TEST_CASE("a worker that serves cannot say that it did not boot", "[fleet]") {
  LyingFleet toy;
  (void)toy.fleet.take_worker_news();
  for (int i = 0; i < 3; ++i)
    toy.worker_says(*toy.system.worker(1), wire::Kind::boot_failed, 3);
  for (const News& news : toy.fleet.take_worker_news())
    CHECK(news.kind != News::Kind::boot_failed);
  CHECK_FALSE(toy.slot(0).boot_failed);
}

TEST_CASE("what a process says more than once is told once", "[fleet]") {
  LyingFleet toy;
  (void)toy.fleet.take_worker_news();
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    toy.worker_says(*toy.system.worker(1), wire::Kind::stuck);
    for (const News& news : toy.fleet.take_worker_news())
      told += news.kind == News::Kind::stuck;
  }
  CHECK(told == 1);
  (void)toy.fleet.take_zygote_news();
  for (int i = 0; i < 1000; ++i) toy.zygote_says(1, wire::Kind::warning, 0, "again");
  toy.fleet.tick();
  CHECK(toy.fleet.take_zygote_news().size() <= 100);
}

// SPDX-License-Identifier: Apache-2.0
// What the master makes of that which zygotes tell of their imports.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

bool refuses_broken(ToyFleet& toy, std::uint32_t serial) {
  const auto* worker = toy.system.worker(serial);
  REQUIRE(worker != nullptr);
  return worker->refuses_broken;
}

const worker::Boot& boot_of(const ToyFleet& toy, std::uint32_t generation) {
  const Nursery::Child* const child = toy.fleet.nursery().find(generation);
  REQUIRE(child != nullptr);
  return child->order.boot;
}

}  // namespace

TEST_CASE("what is broken refuses new code, and no first start", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  CHECK_FALSE(toy.system.zygote(1)->refuses_broken);
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  CHECK_FALSE(refuses_broken(toy, 1));
  toy.everybody_is_ready();

  toy.fleet.propose({{}, {.workers = 1}});
  CHECK(toy.system.zygote(2)->refuses_broken);
  toy.zygote_loads(2);
  toy.zygote_forks(2);
  CHECK(refuses_broken(toy, 2));
}

TEST_CASE("a worker that replaces one of the same code serves what is broken by now",
          "[fleet]") {
  ToyFleet toy;
  for (const std::uint32_t generation : {1U, 2U}) {
    toy.fleet.propose({{}, {.workers = 1}});
    toy.zygote_loads(generation);
    toy.zygote_forks(generation);
    toy.everybody_is_ready();
  }
  toy.worker_dies(1, {});
  REQUIRE_FALSE(toy.fleet.busy());
  toy.worker_dies(2);
  toy.advance(1s);
  toy.zygote_forks(2);
  CHECK_FALSE(refuses_broken(toy, 3));

  // Nor does its zygote, which is not needed for a way back any more, unless its worker
  // serves: as long as it does, nothing is gained by others that do not.
  for (const bool serves : {false, true}) {
    if (serves) {
      toy.zygote_loads(2);
      toy.everybody_is_ready();
    }
    toy.system.die(*toy.system.zygote(2), {true, false, SIGKILL});
    toy.fleet.nursery().on_pidfd(2);
    toy.fleet.tick();
    toy.advance(1s);
    REQUIRE(toy.system.zygote(2) != nullptr);
    CHECK(toy.system.zygote(2)->refuses_broken == serves);
  }
}

TEST_CASE("a part that cannot be imported is told, and ends nothing", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  (void)toy.fleet.take_zygote_news();
  toy.zygote_says(1, wire::Kind::broken, 0, "Django's URLconf cannot be imported");
  toy.zygote_loads(1);
  const auto news = toy.fleet.take_zygote_news();
  const auto told = std::find_if(news.begin(), news.end(), [](const ZygoteNews& n) {
    return n.kind == ZygoteNews::Kind::broken;
  });
  REQUIRE(told != news.end());
  CHECK(told->text == "Django's URLconf cannot be imported");
  CHECK(toy.fleet.generation() == 1);
}

TEST_CASE(
    "a zygote that leaves what a fork breaks makes room for one that imports nothing",
    "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  REQUIRE(toy.system.zygote(1)->preloads);
  toy.zygote_says(1, wire::Kind::shared_state, 0, "thread 'a'\nlock on b");
  toy.zygote_ends(1);
  REQUIRE(toy.system.zygote(1) != nullptr);
  CHECK_FALSE(toy.system.zygote(1)->preloads);
  CHECK(boot_of(toy, 1).shared_state ==
        std::vector<std::string>{"thread 'a'", "lock on b"});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  CHECK(toy.fleet.generation() == 1);
  CHECK(toy.fleet.pool().serving() == 1);
}

TEST_CASE(
    "a generation that gives up its zygote is not refused for it, and can be later",
    "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  (void)toy.fleet.take_news();
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_says(2, wire::Kind::shared_state, 0, "thread 'a'");
  toy.zygote_ends(2);
  CHECK(toy.fleet.take_news().empty());
  CHECK(toy.fleet.candidate() == 2);
  SECTION("it serves") {
    toy.zygote_loads(2);
    CHECK(toy.fleet.reload().step == ReloadStep::canary);
  }
  SECTION("it dies while the other one is to start") {
    toy.zygote_ends(2);
    const auto news = toy.fleet.take_news();
    REQUIRE(news.size() == 1);
    CHECK(news[0].kind == FleetNews::Kind::refused);
    CHECK(toy.fleet.generation() == 1);
  }
  SECTION("it cannot be started") {
    toy.zygote_says(2, wire::Kind::load_failed, 3, "ImportError");
    toy.fleet.tick();
    CHECK(toy.fleet.candidate() == 0);
  }
}

TEST_CASE("a zygote gives up once, and never when it has imported nothing", "[fleet]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  for (int i = 0; i < 2; ++i) {
    toy.zygote_says(1, wire::Kind::shared_state, 0, "thread " + std::to_string(i));
    toy.zygote_says(1, wire::Kind::shared_state, 0, "and again");
    toy.zygote_ends(1);
  }
  CHECK(toy.fleet.take_news().size() == 1);  // refused: the second one only died
  CHECK(toy.system.zygote(1) == nullptr);

  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_loads(2);
  toy.zygote_says(2, wire::Kind::shared_state, 0, "too late");
  CHECK(worker::preloads(boot_of(toy, 2)));
}

namespace {

// Generation 1 serves with one worker, which has told of what it imported.
struct Learning : ToyFleet {
  Learning() {
    fleet.propose({{}, {.workers = 1}});
    zygote_loads(1);
    zygote_forks(1);
    everybody_is_ready();
    learn("!shop.late\nreportlab\n");
    advance(1s);
  }
  void learn(std::string text) {
    const auto& w = *system.worker(1);
    fleet.pool().on_message(w.slot, w.serial,
                            {{.kind = wire::Kind::learned,
                              .slot = w.slot,
                              .serial = w.serial,
                              .generation = w.generation},
                             std::move(text),
                             {}});
    fleet.tick();
  }
  std::vector<std::string> learned_by(std::uint32_t generation) {
    return boot_of(*this, generation).learned;
  }
};

}  // namespace

TEST_CASE("what workers import late the next zygote imports early, if that can be",
          "[fleet]") {
  Learning toy;
  CHECK(toy.system.to_judge == "!shop.late\nreportlab\n");
  toy.zygote_says(1, wire::Kind::importable, 0, "!shop.late\nnever.heard\n");
  toy.fleet.tick();
  const auto told = [&](std::uint32_t serial) {
    return std::ranges::any_of(toy.system.told, [&](const wire::Frame& frame) {
      return frame.kind == wire::Kind::import_early && frame.serial == serial;
    });
  };
  CHECK(told(1));
  SECTION("in a reload") {
    toy.fleet.propose({{}, {.workers = 1}});
    CHECK(toy.learned_by(2) == std::vector<std::string>{"!shop.late"});
  }
  SECTION("unless it is switched off") {
    Proposal proposal{{}, {.workers = 1}};
    proposal.order.boot.settings.learned_imports = "off";
    toy.fleet.propose(std::move(proposal));
    CHECK(toy.learned_by(2).empty());
  }
  SECTION("and a later trial may find otherwise") {
    toy.learn("another\n");
    toy.advance(30s);
    CHECK(toy.system.to_judge == "!shop.late\nreportlab\nanother\n");
    toy.zygote_says(1, wire::Kind::importable, 0, "another\n");
    toy.fleet.tick();
    toy.fleet.propose({{}, {.workers = 1}});
    CHECK(toy.learned_by(2) == std::vector<std::string>{"another", "?!shop.late"});
  }
}

TEST_CASE("imports are tried a moment after they are told, and not all the time",
          "[fleet]") {
  Learning toy;
  toy.system.told.clear();
  toy.learn("!shop.late\n");  // known
  toy.advance(60s);
  CHECK(toy.system.told.empty());
  toy.learn("another\n");
  CHECK(toy.system.told.empty());
  CHECK(toy.fleet.next_wakeup() <= toy.system.clock + 1s);
  toy.advance(600ms);
  CHECK(toy.system.told.size() == 1);
  toy.learn("one.more\n");
  toy.advance(600ms);
  CHECK(toy.system.told.size() == 1);
  toy.advance(600ms);
  CHECK(toy.system.told.size() == 2);
}

TEST_CASE(
    "trials become rarer where something new is told all the time, and soon again "
    "after a pause",
    "[fleet]") {
  Learning toy;
  toy.advance(60s);
  toy.system.told.clear();
  for (int i = 0; i < 200; ++i) {
    toy.learn("new" + std::to_string(i) + "\n");
    toy.advance(500ms);
  }
  CHECK(toy.system.told.size() <= 10);
  CHECK(toy.system.told.size() >= 7);
  toy.advance(20s);  // the last trial
  toy.advance(60s);
  toy.system.told.clear();
  toy.learn("after.the.pause\n");
  toy.advance(600ms);
  CHECK(toy.system.told.size() == 1);
}

TEST_CASE("imports that were early never cost the preload", "[fleet]") {
  Learning toy;
  toy.zygote_says(1, wire::Kind::importable, 0, "!shop.late\n");
  toy.fleet.tick();
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_says(2, wire::Kind::shared_state, 0, "thread 'of shop.late'");
  toy.zygote_ends(2);
  REQUIRE(toy.system.zygote(2) != nullptr);
  CHECK(toy.system.zygote(2)->preloads);
  CHECK(toy.learned_by(2).empty());
}

TEST_CASE("a worker with a broken part serves beside none that has it all", "[fleet]") {
  const bool broken_before = GENERATE(false, true);
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 2}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  for (const std::uint32_t serial : {1U, 2U}) {
    CHECK_FALSE(refuses_broken(toy, serial));
    toy.worker_says(*toy.system.worker(serial), wire::Kind::ready, broken_before);
  }
  toy.worker_dies(1);
  toy.advance(1s);
  toy.zygote_forks(1);
  CHECK(refuses_broken(toy, 3) == !broken_before);

  toy.worker_dies(2);
  toy.advance(1s);
  toy.zygote_forks(1);
  CHECK_FALSE(refuses_broken(toy, 4));
}

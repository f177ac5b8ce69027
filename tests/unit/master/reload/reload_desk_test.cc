// SPDX-License-Identifier: Apache-2.0
#include "master/reload/reload_desk.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

// A desk over a fleet in the toy system. Its configuration names a file that is not
// there, so that a reload ends where the configuration is read.
struct Desk {
  ToyFleet toy;
  std::vector<Listener> listeners;
  Estate estate{.handoff_send = -1, .handoff_receive = -1, .listeners = &listeners};
  Chronicle chronicle;
  Notifier notifier;
  ControlServer control;
  EventLoop loop;
  int committed = 0;
  std::vector<int> start_failures;
  ReloadDesk desk;

  Desk()
      : chronicle{std::move(scoreboard::Board::make(4)).value()},
        desk{config(),
             toy.fleet,
             chronicle,
             notifier,
             control,
             estate,
             loop,
             {.committed = [this] { ++committed; },
              .start_failed =
                  [this](int status, std::string_view) {
                    start_failures.push_back(status);
                  },
              .clock = [this] { return toy.system.clock; }}} {}

  static LoadedConfig config() {
    LoadedConfig config;
    config.settings.worker.application = "first:app";
    config.command_line.config_file = "/nowhere/monodon.yaml";
    config.command_line.start_directory = "/";
    return config;
  }

  // Generation 1 serves, past the desk.
  void serve() {
    toy.fleet.propose({{}, {.workers = 1}});
    toy.zygote_loads(1);
    toy.zygote_forks(1);
    toy.everybody_is_ready();
    (void)toy.fleet.take_news();
  }

  void zygote_leaves(std::uint32_t generation) {
    auto* zygote = toy.system.zygote(generation);
    REQUIRE(zygote != nullptr);
    toy.system.die(*zygote, {});
    toy.fleet.nursery().on_hung_up(generation);
    toy.fleet.nursery().on_pidfd(generation);
    toy.fleet.tick();
  }
};

}  // namespace

TEST_CASE("a reload whose file cannot be read is refused, and over at once",
          "[reload-desk]") {
  Desk d;
  d.serve();
  d.desk.ask();
  CHECK(d.desk.under_way());  // until systemd hears READY=1
  CHECK_FALSE(d.desk.queued());
  CHECK(d.toy.fleet.candidate() == 0);
  CHECK(d.toy.fleet.generation() == 1);
  CHECK(d.desk.config().settings.worker.application == "first:app");
  d.desk.finish();
  CHECK_FALSE(d.desk.under_way());
  CHECK(d.committed == 0);
}

TEST_CASE("of several reloads that are asked for meanwhile, one follows",
          "[reload-desk]") {
  Desk d;
  d.serve();
  d.toy.fleet.propose({{}, {.workers = 1}});  // under way
  d.desk.ask();
  d.desk.ask();
  CHECK(d.desk.queued());
  CHECK_FALSE(d.desk.under_way());
  d.toy.zygote_says(2, wire::Kind::load_failed, 3, "SyntaxError");
  d.toy.fleet.tick();
  for (const FleetNews& news : d.toy.fleet.take_news()) d.desk.heed(news);
  CHECK_FALSE(d.desk.queued());  // it began, and failed for its file
  CHECK(d.desk.under_way());
  // READY=1 waits for the zygote that is not needed any more.
  REQUIRE(d.toy.fleet.nursery().dismissing());
  d.desk.finish();
  CHECK(d.desk.under_way());
  d.zygote_leaves(2);
  d.desk.finish();
  CHECK_FALSE(d.desk.under_way());
}

TEST_CASE("a server that stops takes no reload", "[reload-desk]") {
  Desk d;
  d.serve();
  d.desk.stop();
  d.desk.ask();
  CHECK_FALSE(d.desk.under_way());
  CHECK_FALSE(d.desk.queued());
}

TEST_CASE("a first generation that cannot be imported fails the start",
          "[reload-desk]") {
  Desk d;
  d.toy.fleet.propose({{}, {.workers = 1}});
  d.toy.zygote_says(1, wire::Kind::load_failed, 4, "no such attribute");
  d.toy.fleet.tick();
  for (const FleetNews& news : d.toy.fleet.take_news()) d.desk.heed(news);
  CHECK(d.start_failures == std::vector{4});
  CHECK_FALSE(d.desk.under_way());
}

TEST_CASE("a commit is told once, and the end of a first start is no reload",
          "[reload-desk]") {
  Desk d;
  d.toy.fleet.propose({{}, {.workers = 1}});
  d.toy.zygote_loads(1);
  for (const FleetNews& news : d.toy.fleet.take_news()) d.desk.heed(news);
  CHECK(d.committed == 1);
  CHECK_FALSE(d.desk.under_way());
  d.desk.finish();
  CHECK_FALSE(d.desk.under_way());
}

// SPDX-License-Identifier: Apache-2.0
#include "master/status_reply.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

nlohmann::json parsed(const ControlReply& reply) {
  return nlohmann::json::parse(reply.line);
}

}  // namespace

TEST_CASE("status tells the state, generation and age of every slot", "[status]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 2}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  toy.advance(5s);
  const auto status = parsed(status_reply(
      toy.fleet, {.application = "site.wsgi", .upgrades = 3, .now = toy.system.clock}));
  CHECK(status.at("application") == "site.wsgi");
  CHECK(status.at("generation") == 1);
  CHECK(status.at("workers") == 2);
  CHECK(status.at("upgrades") == 3);
  CHECK_FALSE(status.at("stopping").get<bool>());
  int serving = 0;
  for (const auto& slot : status.at("slots")) {
    if (slot.at("state") != "serving") {
      CHECK_FALSE(slot.contains("pid"));
      continue;
    }
    ++serving;
    CHECK(slot.at("generation") == 1);
    CHECK(slot.at("age").get<double>() >= 5.0);
    CHECK(slot.at("pid").get<int>() > 0);
  }
  CHECK(serving == 2);
}

TEST_CASE("a slot that waits before its next start says for how long", "[status]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  for (int crash = 0; crash < 20; ++crash) {
    toy.worker_dies(toy.slot(0).process.serial);
    const auto status =
        parsed(status_reply(toy.fleet, {.now = toy.system.clock})).at("slots").at(0);
    if (status.at("state") == "resting") {
      CHECK(status.at("next_try").get<double>() > 0);
      CHECK_FALSE(status.contains("pid"));
      return;
    }
    toy.zygote_forks(1);
    toy.everybody_is_ready();
  }
  FAIL("no crash made the slot wait");
}

TEST_CASE("rows name the descriptors of their pages, the board is the first",
          "[status]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 3}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  const ControlReply reply =
      status_reply(toy.fleet, {.board_fd = 77, .now = toy.system.clock});
  REQUIRE(reply.fds.size() >= 1);
  CHECK(reply.fds.at(0) == 77);
  const auto status = parsed(reply);
  CHECK(status.at("board") == 0);
  for (const auto& slot : status.at("slots"))
    if (slot.contains("page"))
      CHECK(slot.at("page").get<std::size_t>() < reply.fds.size());
}

TEST_CASE(
    "a zygote that cannot be started again is told, with the reason, until it can",
    "[status]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  const auto zygote = [&] {
    return parsed(status_reply(toy.fleet, {.now = toy.system.clock})).at("zygote");
  };
  CHECK(zygote().is_null());
  toy.zygote_ends(1);
  CHECK(zygote().at("reason") != "");  // how it ended
  toy.advance(1s);
  toy.zygote_says(1, wire::Kind::load_failed, 3, "SyntaxError: no\nTraceback");
  toy.fleet.tick();
  toy.zygote_ends(1);
  CHECK(zygote().at("reason") == "SyntaxError: no");
  CHECK(zygote().at("next_try").get<double>() > 0);
  toy.advance(60s);
  toy.zygote_loads(1);
  CHECK(zygote().is_null());
}

TEST_CASE("a name that is no UTF-8 does not cost the answer", "[status]") {
  ToyFleet toy;
  const auto status =
      parsed(status_reply(toy.fleet, {.application = "caf\xe9", .now = {}}));
  CHECK(status.at("application") == "caf\xef\xbf\xbd");
}

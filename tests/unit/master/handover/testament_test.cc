// SPDX-License-Identifier: Apache-2.0
#include "master/handover/testament.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;

namespace {

// Two workers of generation 1 serve, one of them asked to be replaced.
struct Before : ToyFleet {
  Before() {
    fleet.propose({{.argv = {"/zygote"}, .environment = {"A=1"}}, {.workers = 2}});
    zygote_loads(1);
    zygote_forks(1);
    everybody_is_ready();
  }

  // As an exec leaves it: descriptors that nobody in this process owns.
  [[nodiscard]] Testament testament() {
    Testament will = draw_up(fleet, {});
    for (auto& worker : will.workers) {
      worker.channel = ::dup(worker.channel);
      worker.page = -1;
    }
    for (auto& zygote : will.zygotes) zygote.channel = ::dup(zygote.channel);
    return will;
  }
};

}  // namespace

TEST_CASE("a fleet is handed over with all its processes", "[adoption]") {
  Before before;
  const auto text = to_json(before.testament());
  const auto read = testament_from_json(text);
  REQUIRE(read);
  CHECK(to_json(read.value()) == text);

  Fleet after{before.system};
  carry_out(read.value(), before.system, {.workers = 9}, {}, after);
  CHECK(after.generation() == 1);
  CHECK(after.workers() == 2);
  CHECK(after.pool().serving() == 2);
  CHECK(after.pool().last_serial() == before.fleet.pool().last_serial());
  REQUIRE(after.nursery().ready(1) != nullptr);
  CHECK(after.nursery().children().front().order.argv ==
        std::vector<std::string>{"/zygote"});
  after.tick();
  CHECK(after.at_rest());
  CHECK(after.propose({{}, {.workers = 2}}) == 2);
}

TEST_CASE("the number of a generation that was refused is not given again",
          "[adoption]") {
  Before before;
  before.fleet.propose({{}, {.workers = 2}});
  before.zygote_says(2, wire::Kind::load_failed, 3, "SyntaxError");
  before.fleet.tick();
  const Testament will = before.testament();
  Fleet after{before.system};
  carry_out(will, before.system, {}, {}, after);
  CHECK(after.generation() == 1);
  CHECK(after.propose({{}, {.workers = 2}}) == 3);

  auto json = nlohmann::json::parse(to_json(will));
  json.erase("last_generation");  // of 0.2.0
  const auto read = testament_from_json(json.dump());
  REQUIRE(read);
  CHECK(read.value().last_generation == 1);
}

TEST_CASE("who is not our child any more is left out", "[adoption]") {
  Before before;
  Testament will = before.testament();
  will.workers[0].pid = 999999;
  will.zygotes[0].pid = 999998;
  Fleet after{before.system};
  carry_out(will, before.system, {}, {}, after);
  CHECK(after.pool().serving() == 1);
  CHECK(after.nursery().empty());
}

TEST_CASE("a worker that makes no sense is left out", "[adoption]") {
  Before before;
  Testament will = before.testament();
  auto& worker = will.workers[0];
  SECTION("a state without a process") {
    worker.state = "vacant";
  }
  SECTION("no state at all") {
    worker.state = "asleep";
  }
  SECTION("a slot that there cannot be") {
    worker.slot = 1'000'000;
  }
  SECTION("a slot that is taken") {
    worker.slot = will.workers[1].slot;
  }
  Fleet after{before.system};
  carry_out(will, before.system, {}, {}, after);
  CHECK(after.pool().serving() == 1);
  CHECK(after.pool().slots().size() < 10);
}

TEST_CASE("what is not a testament is an error", "[adoption]") {
  CHECK_FALSE(testament_from_json(""));
  CHECK_FALSE(testament_from_json("{}"));
  CHECK_FALSE(testament_from_json(R"({"generation":"one"})"));
}

TEST_CASE("a fleet that imports is not at rest", "[adoption]") {
  Before before;
  CHECK(before.fleet.at_rest());
  before.fleet.propose({{}, {.workers = 2}});
  CHECK_FALSE(before.fleet.at_rest());
}

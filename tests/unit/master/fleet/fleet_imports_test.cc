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

  // Nor does its zygote, which is not needed for a way back any more.
  auto* zygote = toy.system.zygote(2);
  toy.system.die(*zygote, {true, false, SIGKILL});
  toy.fleet.nursery().on_pidfd(2);
  toy.fleet.tick();
  toy.advance(1s);
  REQUIRE(toy.system.zygote(2) != nullptr);
  CHECK_FALSE(toy.system.zygote(2)->refuses_broken);
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

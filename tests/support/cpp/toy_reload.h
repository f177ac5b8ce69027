// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "tests/support/cpp/toy_system.h"

namespace monodon::testing {

// Generation 1 serves; generation 2 was proposed and is imported.
struct Reload : ToyFleet {
  explicit Reload(PoolSettings settings, Clock::duration observe = {},
                  Clock::duration fallback = {}, std::size_t rehearse = 0) {
    fleet.propose({{}, settings});
    zygote_loads(1);
    zygote_forks(1);
    everybody_is_ready();
    (void)fleet.take_news();
    fleet.propose({{}, settings, observe, fallback, rehearse, std::chrono::seconds{5}});
    zygote_loads(2);
  }

  [[nodiscard]] ReloadStep step() const { return fleet.reload().step; }

  [[nodiscard]] std::size_t serving(std::uint32_t generation) const {
    std::size_t count = 0;
    for (const auto& slot : fleet.pool().slots())
      count += slot.view.state == State::serving && slot.view.generation == generation;
    return count;
  }

  // Everything that is due happens, for as long as something is.
  void settle(std::uint32_t generation) {
    for (int turn = 0; turn < 20; ++turn) {
      zygote_forks(generation);
      everybody_is_ready();
      std::vector<std::uint32_t> leaving;
      for (const auto& [pid, being] : system.beings)
        if (being.serial != 0 && being.told_to_go) leaving.push_back(being.serial);
      for (const std::uint32_t serial : leaving) worker_dies(serial, {});
    }
  }

  // Serial of some worker that serves `generation`.
  [[nodiscard]] std::uint32_t one_of(std::uint32_t generation) const {
    for (const auto& slot : fleet.pool().slots())
      if (slot.view.state == State::serving && slot.view.generation == generation)
        return slot.process.serial;
    return 0;
  }

  FleetNews last_news() {
    auto all = fleet.take_news();
    REQUIRE_FALSE(all.empty());
    return std::move(all.back());
  }
};

}  // namespace monodon::testing

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "tests/support/cpp/toy_system.h"

namespace monodon::testing {

// A fleet with everybody serving generation 1.
struct Serving : ToyFleet {
  explicit Serving(PoolSettings settings) {
    start(settings);
    everybody_is_ready();
    (void)fleet.take_news();
    (void)fleet.take_worker_news();
  }
  void start(PoolSettings settings) {
    fleet.propose({{}, settings});
    zygote_loads(1);
    zygote_forks(1);
  }
  [[nodiscard]] std::size_t count(State state) const {
    const auto& slots = fleet.pool().slots();
    return static_cast<std::size_t>(
        std::count_if(slots.begin(), slots.end(),
                      [&](const auto& s) { return s.view.state == state; }));
  }
  News last(News::Kind kind) {
    for (News& news : fleet.take_worker_news())
      if (news.kind == kind) return std::move(news);
    FAIL("no such news");
    return {};
  }
};

}  // namespace monodon::testing

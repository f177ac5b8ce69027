// SPDX-License-Identifier: Apache-2.0
#include "metrics/observation/health.h"

#include <catch2/catch.hpp>
#include <utility>

#include "tests/support/cpp/nanoseconds.h"

using namespace monodon;
using namespace monodon::metrics;
using scoreboard::SlotState;
using scoreboard::WorkerState;

namespace {

using monodon::test::kSecond;
constexpr std::uint64_t kNow = 1'000 * kSecond;

// A server whose master and workers beat a second ago, each with two idle threads.
Sight healthy_sight(std::size_t workers) {
  Sight sight;
  sight.now_ns = kNow;
  sight.board.heartbeat_ns = kNow - kSecond;
  for (std::size_t i = 0; i < workers; ++i) {
    SlotSight slot;
    slot.row.state = SlotState::serving;
    slot.row.since_ns = kNow - 100 * kSecond;
    slot.page.emplace();
    slot.page->state = WorkerState::serving;
    slot.page->heartbeat_ns = kNow - kSecond;
    slot.page->threads.resize(2);
    sight.slots.push_back(std::move(slot));
  }
  return sight;
}

}  // namespace

TEST_CASE("a server is ready while as many workers move as are needed", "[health]") {
  Sight sight = healthy_sight(2);
  CHECK(ready(sight, 2).good);
  CHECK(ready(sight, 2).text == "2 workers serve, 2 are needed\n");
  CHECK_FALSE(ready(sight, 3).good);
}

TEST_CASE("a worker that says that it hangs does not count as one that serves",
          "[health]") {
  Sight sight = healthy_sight(2);
  sight.slots[0].page->state = WorkerState::hanging;
  CHECK(ready(sight, 1).good);
  CHECK(ready(sight, 1).text == "1 worker serves, 1 is needed; 1 do not move\n");
  sight.slots[1].page->heartbeat_ns = kNow - 11 * kSecond;
  CHECK_FALSE(ready(sight, 1).good);
  CHECK(ready(sight, 1).text == "0 workers serve, 1 is needed; 2 do not move\n");
}

TEST_CASE("a saturated server says so, and is ready", "[health]") {
  Sight sight = healthy_sight(2);
  for (SlotSight& slot : sight.slots)
    for (auto& thread : slot.page->threads) thread.started_ns = kNow - 2 * kSecond;
  sight.slots[1].page->threads[0].started_ns = kNow - 12 * kSecond;
  CHECK(capacity(sight).saturated());
  const Verdict verdict = ready(sight, 1);
  CHECK(verdict.good);
  CHECK(verdict.text ==
        "2 workers serve, 1 is needed; saturated: every thread runs a request, the "
        "oldest for 12 s\n");
  sight.slots[0].page->threads[1].started_ns = 0;
  CHECK_FALSE(capacity(sight).saturated());
  CHECK(ready(sight, 1).text == "2 workers serve, 1 is needed\n");
}

TEST_CASE("a server without workers is not saturated, and not ready", "[health]") {
  CHECK_FALSE(capacity(healthy_sight(0)).saturated());
  CHECK_FALSE(ready(healthy_sight(0), 1).good);
}

// SPDX-License-Identifier: Apache-2.0
#include "metrics/page/page_state.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/nanoseconds.h"

using namespace monodon;
using namespace monodon::metrics;
using scoreboard::EventKind;
using scoreboard::SlotState;
using scoreboard::WorkerState;

namespace {

using monodon::test::kSecond;
constexpr std::uint64_t kNow = 1'000 * kSecond;

// `workers` that serve, with two idle threads each.
Sight calm(std::size_t workers) {
  Sight sight;
  sight.now_ns = kNow;
  sight.board.heartbeat_ns = kNow - kSecond;
  sight.board.generation = 2;
  sight.board.wanted = static_cast<std::uint32_t>(workers);
  sight.board.boots[3] = workers;
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

void occupy(Sight& sight, std::uint64_t age_ns) {
  for (SlotSight& slot : sight.slots)
    if (slot.page)
      for (auto& thread : slot.page->threads) thread.started_ns = kNow - age_ns;
}

Surroundings queue_of(std::uint32_t waiting) {
  Surroundings around;
  around.queues["unix:/s"].note({waiting, 2048}, kNow);
  return around;
}

}  // namespace

TEST_CASE("lines that logs have lost lately are told, older ones are not", "[page]") {
  Sight sight = calm(1);
  Surroundings around;
  around.log_loss.note(7, kNow - 9 * kSecond);  // before somebody looked
  CHECK(page_notices(sight, around).empty());
  around.log_loss.note(8, kNow - 8 * kSecond);
  around.log_loss.note(8, kNow - 7 * kSecond);
  REQUIRE(page_notices(sight, around).size() == 1);
  CHECK_THAT(page_notices(sight, around)[0],
             Catch::StartsWith("8 lines are missing in the logs"));
  sight.now_ns += LogLoss::kLatelyNs;
  sight.board.heartbeat_ns = sight.now_ns;
  CHECK(page_notices(sight, around).empty());
}

TEST_CASE("a server whose threads are all stuck is not called ready", "[page]") {
  Sight sight = calm(2);
  CHECK(page_state(sight, {}).name == "ready");
  CHECK(page_state(sight, {}).text == "2 of 2 workers serve");
  occupy(sight, 12 * kSecond);
  CHECK(page_state(sight, queue_of(2)).name == "saturated");
  CHECK(page_state(sight, queue_of(2)).text ==
        "all 4 threads are busy, the oldest request for 12 s; 2 connections wait");
  sight.slots[1].page->threads[0].started_ns = 0;
  CHECK(page_state(sight, queue_of(2)).name == "ready");
}

TEST_CASE(
    "all threads busy for an instant is a busy server, and with a queue a full one",
    "[page]") {
  Sight sight = calm(1);
  occupy(sight, kSecond / 10);
  CHECK(page_state(sight, queue_of(0)).name == "ready");
  CHECK(page_state(sight, queue_of(1)).text ==
        "all 2 threads are busy, the oldest request for 100 ms; 1 connection waits");
}

TEST_CASE("why a server is not ready is said in the sentence beside it", "[page]") {
  Sight sight = calm(3);
  Surroundings around;
  around.facts.ready_workers = 3;
  sight.slots[0].page->state = WorkerState::hanging;
  sight.slots[1].row.state = SlotState::resting;
  const PageState state = page_state(sight, around);
  CHECK(state.name == "not ready");
  CHECK(state.text ==
        "1 of 3 workers serves; 1 worker does not move; 1 slot waits after a "
        "failure; 3 are needed");
  sight.board.heartbeat_ns = kNow - 12 * kSecond;
  CHECK(page_state(sight, around).text ==
        "the master has shown no sign of life for 12 s");
  sight.board.heartbeat_ns = kNow;
  sight.board.stopping = true;
  CHECK(page_state(sight, around).name == "stopping");
}

TEST_CASE("a slot that is vacant is no worker that is missing", "[page]") {
  Sight sight = calm(2);
  sight.slots.emplace_back().row.state = SlotState::vacant;
  CHECK(page_state(sight, {}).text == "2 of 2 workers serve");
}

TEST_CASE("a server that has never served starts, unless its workers fail", "[page]") {
  Sight sight;
  sight.now_ns = kNow;
  sight.board.heartbeat_ns = kNow;
  CHECK(page_state(sight, {}).name == "starting");
  sight.board.exits[static_cast<std::size_t>(scoreboard::Cause::boot_failed)] = 1;
  CHECK(page_state(sight, {}).name == "not ready");
}

TEST_CASE("a crash loop and a reload that came to nothing are told, ready or not",
          "[page]") {
  Sight sight = calm(4);
  CHECK(page_notices(sight, {}).empty());
  sight.slots[0].row.failures = 3;
  sight.slots[1].row.failures = 10;
  sight.slots[1].row.state = SlotState::resting;
  sight.slots[1].row.next_try_ns = kNow + 26 * kSecond;
  sight.slots[2].row.failures = 7;
  sight.slots[2].row.state = SlotState::vacant;  // nobody waits for it
  Surroundings around;
  around.reload.last_outcome = "refused";
  around.reload.last_generation = 3;
  const auto notices = page_notices(sight, around);
  REQUIRE(notices.size() == 2);
  CHECK(notices[0] ==
        "workers fail again and again: slot 1 has failed 10 times in a row, "
        "and 1 slot more; next try in 26 s");
  CHECK(notices[1] ==
        "the last reload, to generation 3, was refused; generation 2 serves on");
  around.reload.last_outcome = "fell_back";
  CHECK(page_notices(sight, around)[1] ==
        "generation 3 could not be kept; generation 2 serves again");
  around.reload.last_outcome = "committed";
  CHECK(page_notices(sight, around).size() == 1);
}

TEST_CASE("an event says what happened, and to strangers not what the application said",
          "[page]") {
  scoreboard::EventReport event{.kind = EventKind::generation_refused,
                                .generation = 3,
                                .text = "ImportError: secret"};
  CHECK(event_text(event, true) == "generation 3 was refused: ImportError: secret");
  CHECK(event_text(event, false) == "generation 3 was refused");
  event.text += "\n  File \"a.py\", line 7";
  CHECK(event_text(event, true) == "generation 3 was refused: ImportError: secret");
  event = {.kind = EventKind::generation_committed, .generation = 1};
  CHECK(event_text(event, true) == "generation 1 serves");
  event.generation = 2;
  CHECK(event_text(event, true) == "all workers are of generation 2");
  event = {.kind = EventKind::worker_ready, .slot = 4, .serial = 9, .generation = 2};
  CHECK(event_text(event, true) == "worker 4 (serial 9, generation 2) serves");
}

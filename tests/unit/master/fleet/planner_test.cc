// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/planner.h"

#include <catch2/catch.hpp>

#include "master/fleet/respawn_policy.h"

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

namespace {

constexpr Clock::time_point kNow{1h};
using DecisionKind = Decision::Kind;

// `serving` workers of generation 1, then `vacant` empty slots.
std::vector<SlotView> some(std::size_t serving, std::size_t vacant) {
  std::vector<SlotView> slots(serving, SlotView{State::serving, 1});
  slots.resize(serving + vacant);
  return slots;
}

}  // namespace

TEST_CASE("the exit of any process frees its slot, in whatever state", "[planner]") {
  for (std::size_t s = 0; s < kStates; ++s) {
    const auto state = static_cast<State>(s);
    if (state == State::vacant || state == State::forking) continue;
    CHECK(step(state, Event::exited).next == State::vacant);
    CHECK(step(state, Event::exited).effect != Effect::bug);
  }
}

TEST_CASE(
    "no state but forking waits for ever: all others with a process have a way out",
    "[planner]") {
  for (std::size_t s = 0; s < kStates; ++s) {
    const auto state = static_cast<State>(s);
    // Serving has no deadline; it ends when the planner, the worker or the kernel say
    // so.
    if (state == State::vacant || state == State::forking || state == State::serving)
      continue;
    const Step late = step(state, Event::deadline);
    CAPTURE(name_of(state));
    CHECK((late.effect == Effect::kill || late.effect == Effect::complain));
  }
  CHECK(step(State::forking, Event::deadline).effect == Effect::blame_zygote);
  CHECK(step(State::serving, Event::drain).next == State::draining);
  CHECK(step(State::serving, Event::hung_up).next == State::lost);
}

TEST_CASE("a start fills the wanted number and leaves the spare slot empty",
          "[planner]") {
  CHECK(plan(some(0, 3), {.workers = 2}, kNow) ==
        std::vector<Decision>{{DecisionKind::start, 0}, {DecisionKind::start, 1}});
  CHECK(plan(some(2, 1), {.workers = 2}, kNow).empty());
}

TEST_CASE("a reload starts one in the spare slot before anybody leaves", "[planner]") {
  auto slots = some(2, 1);
  const Goal goal{.workers = 2, .generation = 2};
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::start, 2}});

  slots[2] = {State::starting, 2};
  CHECK(plan(slots, goal, kNow).empty());

  slots[2].state = State::serving;
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::drain, 0}});

  slots[0].state = State::draining;  // alive: no room for the next one yet
  CHECK(plan(slots, goal, kNow).empty());
}

TEST_CASE("a worker that wants to retire is replaced like one of an old generation",
          "[planner]") {
  auto slots = some(2, 1);
  slots[1].wear = Wear::retiring;
  CHECK(plan(slots, {.workers = 2}, kNow) ==
        std::vector<Decision>{{DecisionKind::start, 2}});
  slots[2] = {State::serving, 1};
  CHECK(plan(slots, {.workers = 2}, kNow) ==
        std::vector<Decision>{{DecisionKind::drain, 1}});
}

TEST_CASE("a stuck worker goes before one that only retires", "[planner]") {
  auto slots = some(4, 0);
  slots[0].wear = Wear::retiring;
  slots[1].wear = Wear::stuck;
  CHECK(plan(slots, {.workers = 3}, kNow) ==
        std::vector<Decision>{{DecisionKind::drain, 1}});
}

TEST_CASE("idle workers are replaced before busy ones", "[planner]") {
  auto slots = some(3, 0);
  slots[0].busy = true;
  const Goal goal{.workers = 2, .generation = 2};
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::drain, 1}});
  slots[1].busy = slots[2].busy = true;  // all alike: it goes on all the same
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::drain, 0}});
}

TEST_CASE("without a spare slot the old one goes first, if it may be missed",
          "[planner]") {
  const Goal goal{.workers = 2, .generation = 2, .max_surge = 0, .max_unavailable = 1};
  auto slots = some(2, 0);
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::drain, 0}});
  slots[0].state = State::draining;
  CHECK(plan(slots, goal, kNow).empty());
  slots[0] = {};
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::start, 0}});
}

TEST_CASE("the spare slot does not shorten the pause of one that failed", "[planner]") {
  auto slots = some(1, 2);
  slots[1].may_start_at = kNow + 1s;
  CHECK(plan(slots, {.workers = 2}, kNow).empty());
  CHECK(next_start(slots, kNow) == kNow + 1s);
  CHECK(plan(slots, {.workers = 2}, kNow + 1s) ==
        std::vector<Decision>{{DecisionKind::start, 1}});
}

TEST_CASE("a worker that is just dying keeps its place until its slot rests",
          "[planner]") {
  auto slots = some(1, 2);
  slots[1].state = State::lost;
  CHECK(plan(slots, {.workers = 2}, kNow).empty());
  slots[1].state = State::condemned;
  CHECK(plan(slots, {.workers = 2}, kNow).empty());
  slots[1].undying = true;  // SIGKILL did not help
  CHECK(plan(slots, {.workers = 2}, kNow) ==
        std::vector<Decision>{{DecisionKind::start, 2}});
}

TEST_CASE("who shows no sign of life goes at once: it serves nobody", "[planner]") {
  auto slots = some(2, 1);
  slots[0].wear = slots[1].wear = Wear::silent;
  const auto decisions = plan(slots, {.workers = 2}, kNow);
  CHECK(decisions == std::vector<Decision>{{DecisionKind::start, 2},
                                           {DecisionKind::drain, 0},
                                           {DecisionKind::drain, 1}});
}

TEST_CASE("a silent worker does not count as one that serves", "[planner]") {
  auto slots = some(2, 1);
  slots[0].wear = Wear::silent;
  slots[1].wear = Wear::retiring;  // must wait for its replacement
  const auto decisions = plan(slots, {.workers = 2}, kNow);
  CHECK(decisions ==
        std::vector<Decision>{{DecisionKind::start, 2}, {DecisionKind::drain, 0}});
}

TEST_CASE("workers that do not die give their places back, `workers` of them at most",
          "[planner]") {
  auto slots = some(0, 6);
  const Goal goal{.workers = 2};
  for (std::size_t i = 0; i < 2; ++i)
    slots[i] = {.state = State::killed, .generation = 1, .undying = true};
  CHECK(plan(slots, goal, kNow) ==
        std::vector<Decision>{{DecisionKind::start, 2}, {DecisionKind::start, 3}});
  // A third and a fourth are alive for all purposes: whatever eats them eats more.
  for (std::size_t i = 2; i < 4; ++i)
    slots[i] = {.state = State::condemned, .generation = 1, .undying = true};
  CHECK(plan(slots, goal, kNow) == std::vector<Decision>{{DecisionKind::start, 4}});
  slots[4] = {.state = State::killed, .generation = 1, .undying = true};
  CHECK(plan(slots, goal, kNow).empty());
}

TEST_CASE("a long pause of one slot does not hold up one whose pause is over",
          "[planner]") {
  auto slots = some(0, 2);
  slots[1].may_start_at = kNow + 30s;
  slots[0].may_start_at = kNow - 1s;
  CHECK(plan(slots, {.workers = 1}, kNow) ==
        std::vector<Decision>{{DecisionKind::start, 0}});
}

TEST_CASE("fewer wanted workers: the highest slots go", "[planner]") {
  CHECK(plan(some(4, 1), {.workers = 2}, kNow) ==
        std::vector<Decision>{{DecisionKind::drain, 3}, {DecisionKind::drain, 2}});
}

TEST_CASE("nothing starts while no zygote can fork", "[planner]") {
  CHECK(plan(some(1, 2), {.workers = 2, .can_start = false}, kNow).empty());
}

TEST_CASE("pauses double, are bounded, and are forgotten after a good run",
          "[planner]") {
  RespawnPolicy policy{{.first_pause = 100ms, .longest_pause = 300ms}};
  CHECK(policy.after_failure(kNow, kNow) == kNow + 100ms);
  CHECK(policy.after_failure(kNow, kNow) == kNow + 200ms);
  CHECK(policy.after_failure(kNow, kNow) == kNow + 300ms);
  CHECK(policy.after_failure(kNow, kNow) == kNow + 300ms);
  CHECK(policy.after_failure(kNow - 10s, kNow) == kNow + 100ms);
}

TEST_CASE("nobody who serves leaves for a trial while a slot only rests", "[planner]") {
  auto slots = some(2, 1);
  slots[2].may_start_at = kNow + 1s;
  CHECK(plan(slots, {.workers = 2, .max_surge = 1, .trial = 2, .can_try = true}, kNow)
            .empty());
}

TEST_CASE("the next start lies in the future, never in the present", "[planner]") {
  auto slots = some(0, 1);
  slots[0].may_start_at = kNow;
  CHECK(next_start(slots, kNow) == Clock::time_point::max());
  slots[0].may_start_at = kNow + 1ns;
  CHECK(next_start(slots, kNow) == kNow + 1ns);
}

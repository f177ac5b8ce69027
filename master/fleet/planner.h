// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "master/fleet/worker_state.h"

namespace monodon::master {

// Why a worker of the right generation should be replaced all the same. The order is
// the order of urgency.
enum class Wear : std::uint8_t {
  none,
  retiring,  // it asked for it
  stuck,     // a request ran past its deadline
  silent,    // no sign of life: stopped, hangs, or SIGKILL did not help
};

struct SlotView {
  State state = State::vacant;
  std::uint32_t generation = 0;  // of the process in the slot
  Wear wear = Wear::none;
  bool busy = false;                 // a rumour; only ever decides who goes first
  bool undying = false;              // SIGKILL did not end it in time
  Clock::time_point may_start_at{};  // end of the pause after a failure; epoch: none
};

// SIGKILL was sent, and did not help in time: it waits for a disk, most likely. The
// first `workers` of these are written off, and others started in their places; with
// more of them, whatever is wrong would only take more processes.
[[nodiscard]] constexpr bool undying(const SlotView& slot) {
  return (slot.state == State::killed || slot.state == State::condemned) &&
         slot.undying;
}

struct Goal {
  std::size_t workers = 1;
  std::uint32_t generation = 1;
  std::size_t max_surge = 1;        // more than `workers` that may be alive
  std::size_t max_unavailable = 0;  // fewer than `workers` that may serve
  bool can_start = true;            // the zygote of `generation` is ready to fork
  std::uint32_t trial = 0;          // a generation on trial: one worker of it; 0: none
  bool can_try = false;             // the zygote of `trial` is ready to fork
};

struct Decision {
  enum class Kind : std::uint8_t { start, try_out, drain };
  Kind kind;
  std::size_t slot;

  friend bool operator==(const Decision&, const Decision&) = default;
};

// Says what to do next to move `slots` towards `goal`; nothing when there is nothing to
// do yet. The caller provides goal.workers + goal.max_surge slots, one more for each
// that is written off, or more.
//
// Guarantees, whatever the slots look like:
// - starts never make more than workers + max_surge alive. Workers that drain are
//   alive: a reload under long requests takes longer, it does not take more memory. So
//   idle workers are replaced before those that run something;
// - drains never leave fewer than workers - max_unavailable serving;
// - so a worker of an old generation, or a worn one, goes only when its replacement
//   serves (or max_unavailable allows it to be missed): the same for every reason but
//   one. Who shows no sign of life serves nobody and goes at once;
// - at most `workers` that do not die are not counted as alive.
// - of a generation on trial there is one worker, and nobody leaves for it unless
//   max_surge is 0 and there is no other place;
// - a slot that rests after a failure stands for one wanted worker, so that the spare
//   slots do not defeat its back-off. A generation whose workers all fail leaves the
//   workers of the old one in place.
//
// Pure and level-triggered: called after every event, with no memory of earlier calls.
std::vector<Decision> plan(std::span<const SlotView> slots, const Goal& goal,
                           Clock::time_point now);

// The earliest end of a pause in future, or time_point::max().
Clock::time_point next_start(std::span<const SlotView> slots, Clock::time_point now);

}  // namespace monodon::master

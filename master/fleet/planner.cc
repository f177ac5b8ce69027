// SPDX-License-Identifier: Apache-2.0
// What to start and what to drain, from all slots and the goal.
#include "master/fleet/planner.h"

#include <algorithm>

namespace monodon::master {

namespace {

struct Census {
  std::size_t alive = 0;    // has or awaits a process
  std::size_t current = 0;  // will stay: right generation, not worn, not leaving
  std::size_t failing = 0;  // about to be a vacant slot that rests
  std::size_t serving = 0;  // accepts connections, of whatever generation
};

// Its place is kept for it: otherwise a spare slot would fill it before the pause of
// this one begins. Not for ever: one that SIGKILL does not end is undying.
bool is_failing(const SlotView& slot) {
  return (slot.state == State::lost || slot.state == State::condemned) && !slot.undying;
}

bool on_trial(const SlotView& slot, const Goal& goal) {
  return occupied(slot.state) && goal.trial != 0 && slot.generation == goal.trial;
}

bool stays(const SlotView& slot, const Goal& goal) {
  return occupied(slot.state) && !leaving(slot.state) &&
         slot.generation == goal.generation && slot.wear == Wear::none;
}

// One without a sign of life accepts nothing, whatever its state says.
bool serves(const SlotView& slot) {
  return slot.state == State::serving && slot.wear != Wear::silent;
}

Census count(std::span<const SlotView> slots, const Goal& goal) {
  Census census;
  std::size_t written_off = 0;
  for (const SlotView& slot : slots) {
    if (undying(slot) && written_off < goal.workers) {
      ++written_off;
      continue;
    }
    if (occupied(slot.state)) ++census.alive;
    if (stays(slot, goal)) ++census.current;
    if (is_failing(slot)) ++census.failing;
    if (serves(slot)) ++census.serving;
  }
  return census;
}

// Vacant slots in the order in which they get the missing workers: first those that
// failed before, the soonest first, so that an untouched slot never shortens the pause
// of one that failed.
std::vector<std::size_t> vacancies(std::span<const SlotView> slots) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].state == State::vacant) found.push_back(i);
  const auto untouched = [&](std::size_t i) {
    return slots[i].may_start_at == Clock::time_point{};
  };
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    if (untouched(a) != untouched(b)) return untouched(b);
    return slots[a].may_start_at < slots[b].may_start_at;
  });
  return found;
}

bool has_trial(std::span<const SlotView> slots, const Goal& goal) {
  return std::any_of(slots.begin(), slots.end(),
                     [&](const SlotView& slot) { return on_trial(slot, goal); });
}

// Where a slot failed before, the worker on trial would wait for a pause, and its own
// failure would lengthen it.
void start_trial(std::span<const SlotView> slots, const Goal& goal,
                 Clock::time_point now, Census& census,
                 std::vector<Decision>& decisions) {
  const std::size_t most = std::max<std::size_t>(goal.workers + goal.max_surge, 1);
  if (!goal.can_try || census.alive >= most) return;
  if (has_trial(slots, goal)) return;
  const auto order = vacancies(slots);
  const auto untouched = std::find_if(order.begin(), order.end(), [&](std::size_t i) {
    return slots[i].may_start_at == Clock::time_point{};
  });
  const auto place = untouched != order.end() ? untouched : order.begin();
  if (place == order.end() || now < slots[*place].may_start_at) return;
  decisions.push_back({Decision::Kind::try_out, *place});
  ++census.alive;
}

void start_missing(std::span<const SlotView> slots, const Goal& goal,
                   Clock::time_point now, Census& census,
                   std::vector<Decision>& decisions) {
  const std::size_t present = census.current + census.failing;
  std::size_t missing = goal.workers - std::min(goal.workers, present);
  for (const std::size_t i : vacancies(slots)) {
    const Decision taken{Decision::Kind::try_out, i};
    if (!decisions.empty() && decisions.front() == taken) continue;
    if (missing-- == 0) return;
    if (census.alive >= goal.workers + goal.max_surge) return;
    if (now < slots[i].may_start_at) continue;
    decisions.push_back({Decision::Kind::start, i});
    ++census.alive;
    ++census.current;
  }
}

// The lower, the sooner it goes when the goal has more workers than it wants.
int worth(const SlotView& slot, const Goal& goal) {
  if (!stays(slot, goal)) return 0;
  return slot.state == State::serving ? 2 : 1;
}

// Old and worn workers in the order in which they go: the stuck before the rest, the
// idle before the busy, which take their time and would hold up everybody else.
std::vector<std::size_t> replaceable(std::span<const SlotView> slots,
                                     const Goal& goal) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].state == State::serving && !stays(slots[i], goal) &&
        !on_trial(slots[i], goal))
      found.push_back(i);
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    const bool urgent_a = slots[a].wear >= Wear::stuck;
    const bool urgent_b = slots[b].wear >= Wear::stuck;
    if (urgent_a != urgent_b) return urgent_a;
    return slots[b].busy && !slots[a].busy;
  });
  return found;
}

// Without a surge somebody has to leave for the one on trial: the last of the idle.
void make_room_for_trial(std::span<const SlotView> slots, const Goal& goal,
                         std::size_t needed, Census& census,
                         std::vector<Decision>& decisions) {
  if (!goal.can_try || has_trial(slots, goal) || !decisions.empty()) return;
  if (census.alive < goal.workers + goal.max_surge || census.serving <= needed) return;
  std::size_t chosen = slots.size();
  for (std::size_t i = slots.size(); i-- > 0;) {
    if (leaving(slots[i].state) && !undying(slots[i])) return;  // soon there is room
    if (slots[i].state != State::serving) continue;
    if (chosen == slots.size() || (slots[chosen].busy && !slots[i].busy)) chosen = i;
  }
  if (chosen == slots.size()) return;
  decisions.push_back({Decision::Kind::drain, chosen});
  --census.serving;
  --census.current;
}

// What serves the new generation beyond `workers` (TTOU, a smaller configuration): the
// highest slots go first, those that do not serve yet before those that do.
void drain_surplus(std::span<const SlotView> slots, const Goal& goal, Census& census,
                   std::vector<Decision>& decisions) {
  std::vector<std::size_t> order;
  for (std::size_t i = slots.size(); i-- > 0;)
    if (stays(slots[i], goal) && slots[i].state != State::forking) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return worth(slots[a], goal) < worth(slots[b], goal);
  });
  for (const std::size_t i : order) {
    if (census.current <= goal.workers) return;
    const bool serves = slots[i].state == State::serving;
    if (serves && census.serving <= goal.workers) continue;
    decisions.push_back({Decision::Kind::drain, i});
    --census.current;
    if (serves) --census.serving;
  }
}

}  // namespace

std::vector<Decision> plan(std::span<const SlotView> slots, const Goal& goal,
                           Clock::time_point now) {
  std::vector<Decision> decisions;
  Census census = count(slots, goal);
  start_trial(slots, goal, now, census, decisions);
  if (goal.can_start) start_missing(slots, goal, now, census, decisions);

  // One that does not serve yet and would have to be replaced is not worth its boot.
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].state == State::starting && !stays(slots[i], goal) &&
        !on_trial(slots[i], goal))
      decisions.push_back({Decision::Kind::drain, i});

  const std::size_t needed =
      goal.workers - std::min(goal.workers, goal.max_unavailable);
  for (const std::size_t i : replaceable(slots, goal)) {
    if (!serves(slots[i])) {
      decisions.push_back({Decision::Kind::drain, i});
      continue;
    }
    if (census.serving <= needed) break;
    decisions.push_back({Decision::Kind::drain, i});
    --census.serving;
  }
  make_room_for_trial(slots, goal, needed, census, decisions);
  drain_surplus(slots, goal, census, decisions);
  return decisions;
}

Clock::time_point next_start(std::span<const SlotView> slots, Clock::time_point now) {
  Clock::time_point next = Clock::time_point::max();
  for (const SlotView& slot : slots)
    if (slot.state == State::vacant && slot.may_start_at > now)
      next = std::min(next, slot.may_start_at);
  return next;
}

}  // namespace monodon::master

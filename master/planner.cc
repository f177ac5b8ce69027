// SPDX-License-Identifier: Apache-2.0
#include "master/planner.h"

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
// this one begins. Not for ever: the pool calls one silent that SIGKILL does not end.
bool is_failing(const SlotView& slot) {
  return (slot.state == State::lost || slot.state == State::condemned) &&
         slot.wear != Wear::silent;
}

bool stays(const SlotView& slot, const Goal& goal) {
  return occupied(slot.state) && !leaving(slot.state) &&
         slot.generation == goal.generation && slot.wear == Wear::none;
}

Census count(std::span<const SlotView> slots, const Goal& goal) {
  Census census;
  for (const SlotView& slot : slots) {
    if (occupied(slot.state)) ++census.alive;
    if (stays(slot, goal)) ++census.current;
    if (is_failing(slot)) ++census.failing;
    if (slot.state == State::serving) ++census.serving;
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

void start_missing(std::span<const SlotView> slots, const Goal& goal,
                   Clock::time_point now, Census& census,
                   std::vector<Decision>& decisions) {
  const std::size_t present = census.current + census.failing;
  std::size_t missing = goal.workers - std::min(goal.workers, present);
  for (const std::size_t i : vacancies(slots)) {
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
    if (slots[i].state == State::serving && !stays(slots[i], goal)) found.push_back(i);
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    const bool urgent_a = slots[a].wear >= Wear::stuck;
    const bool urgent_b = slots[b].wear >= Wear::stuck;
    if (urgent_a != urgent_b) return urgent_a;
    return slots[b].busy && !slots[a].busy;
  });
  return found;
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
  if (goal.can_start) start_missing(slots, goal, now, census, decisions);

  // One that does not serve yet and would have to be replaced is not worth its boot.
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].state == State::starting && !stays(slots[i], goal))
      decisions.push_back({Decision::Kind::drain, i});

  const std::size_t needed =
      goal.workers - std::min(goal.workers, goal.max_unavailable);
  for (const std::size_t i : replaceable(slots, goal)) {
    if (census.serving <= needed) break;
    decisions.push_back({Decision::Kind::drain, i});
    --census.serving;
  }
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

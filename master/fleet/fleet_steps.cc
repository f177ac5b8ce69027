// SPDX-License-Identifier: Apache-2.0
// What the steps of a reload do (master/fleet/reload_state.h), and what is watched once
// it is committed.
#include <algorithm>
#include <string>
#include <utility>

#include "master/fleet/fleet.h"
#include "master/fleet/rehearsal.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr Clock::duration kLookPeriod = 500ms;      // at the answers of new workers
constexpr Clock::duration kParkedPeriod = 1s;       // the same, once they are committed
constexpr Clock::duration kRehearsalPatience = 2s;  // with who has to tell its end

}  // namespace

void Fleet::advance(Transaction& of, ReloadEvent on, FleetNews why) {
  const ReloadStep before = of.step;
  const ReloadNext next = reload_step(before, on);
  of.step = next.step;
  if (of.step != before) of.until = of.look_at = Clock::time_point::max();
  perform(of, next.effect, before, std::move(why));
}

void Fleet::perform(Transaction& of, ReloadEffect effect, ReloadStep before,
                    FleetNews why) {
  const std::uint32_t g = of.generation;
  switch (effect) {
    case ReloadEffect::none:
      break;
    case ReloadEffect::start_zygote:
      nursery_.start(g, std::move(of.order), of.goal.boot_timeout, of.goal.respawn);
      break;
    case ReloadEffect::rehearse:
      rehearse(of);
      break;
    case ReloadEffect::try_out:
      pool_.begin_trial(of.goal);
      tell(FleetNews::Kind::imported, g);
      break;
    case ReloadEffect::roll:
      roll(of);
      break;
    case ReloadEffect::observe:
      of.until = kernel_.now() + of.observe;
      if (of.observe > 0s) {
        of.look_at = kernel_.now();
        tell(FleetNews::Kind::observing, g);
      }
      break;
    case ReloadEffect::commit:
      commit(of);
      break;
    case ReloadEffect::refuse:
    case ReloadEffect::abandon:
      if (before == ReloadStep::importing) nursery_.dismiss(g);
      if (before == ReloadStep::canary) pool_.end_trial();
      if (effect == ReloadEffect::refuse)
        tell(FleetNews::Kind::refused, g, std::move(why));
      of = {};
      replan_ = true;
      break;
    case ReloadEffect::roll_back:
      go_back(of);
      tell(FleetNews::Kind::rolled_back, g, std::move(why));
      break;
    case ReloadEffect::fall_back:
      fall_back(of, std::move(why));
      break;
    case ReloadEffect::conclude:
      tell(FleetNews::Kind::restored, g);
      of = {};
      break;
    case ReloadEffect::end:
      tell(FleetNews::Kind::no_way_back, g, std::move(why));
      of = {};
      break;
    case ReloadEffect::bug:
      worker_news_.emplace_back().kind = News::Kind::bug;
      worker_news_.back().generation = g;
      worker_news_.back().text =
          std::string{"a reload met an event that cannot be, in step "} +
          name_of(before);
      break;
  }
}

// A reload right after a crash must not know less than one before it.
void Fleet::remember_sightings(News& gone) {
  constexpr std::size_t kMost = 64;
  Process ended;
  ended.page = std::move(gone.page);
  const auto more = kernel_.sightings(ended, gone.threads);
  gone.page = std::move(ended.page);
  seen_before_.insert(seen_before_.end(), more.begin(), more.end());
  if (seen_before_.size() > kMost)
    seen_before_.erase(seen_before_.begin(),
                       seen_before_.end() - static_cast<std::ptrdiff_t>(kMost));
}

void Fleet::rehearse(Transaction& of) {
  std::vector<Sighting> seen = seen_before_;
  for (const Pool::Slot& slot : pool_.slots()) {
    if (slot.view.state != State::serving) continue;
    const auto more = kernel_.sightings(slot.process, slot.threads);
    seen.insert(seen.end(), more.begin(), more.end());
  }
  const auto targets = choose_targets(seen, of.rehearse);
  for (const Sighting& one : seen) of.rehearsals.lately.push_back(one.target);
  if (targets.empty() || !ask_to_rehearse(of.generation, targets))
    advance(of, ReloadEvent::rehearsed);
}

bool Fleet::ask_to_rehearse(std::uint32_t generation,
                            const std::vector<std::string>& targets) {
  const Process* zygote = nursery_.ready(generation);
  if (zygote == nullptr) return false;
  Clock::duration time = reload_.rehearse_timeout;
  if (!nursery_.in_memory(generation)) time += reload_.goal.boot_timeout;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time);
  const auto told = kernel_.tell(
      *zygote,
      {.kind = wire::Kind::rehearse, .generation = generation, .value = ms.count()}, {},
      worker::to_json(targets));
  reload_.asked = generation;
  // Its child is killed when its time is over, and that is told.
  reload_.until = kernel_.now() + time + kRehearsalPatience;
  return static_cast<bool>(told);
}

void Fleet::heed_rehearsal(const ZygoteNews& news) {
  Rehearsals& all = reload_.rehearsals;
  if (reload_.step != ReloadStep::rehearsing || news.generation != reload_.asked)
    return;
  auto answers = worker::rehearsed_from_json(news.text);
  if (!answers || answers.value().empty()) return;
  const bool new_code = news.generation == reload_.generation;
  auto& of = !new_code ? all.old : all.first.empty() ? all.first : all.second;
  of = std::move(answers).value();
  all.old_code_in_memory = nursery_.in_memory(goal_.generation);
  const auto next = all.left_to_ask();
  const std::uint32_t whom = all.old.empty() ? goal_.generation : reload_.generation;
  if (next.empty() || !ask_to_rehearse(whom, next)) end_rehearsal();
}

void Fleet::end_rehearsal() {
  if (auto why = reload_.rehearsals.refusal(); !why.empty())
    return fail({.reason = std::move(why)});
  tell(FleetNews::Kind::rehearsed, reload_.generation,
       {.reason = reload_.rehearsals.account()});
  for (std::string& one : reload_.rehearsals.warnings())
    tell(FleetNews::Kind::doubtful, reload_.generation, {.reason = std::move(one)});
  advance(reload_, ReloadEvent::rehearsed);
}

void Fleet::roll(Transaction& of) {
  of.previous = goal_;
  of.before = traffic(goal_.generation);
  if (of.observe > 0s) of.look_at = kernel_.now() + kLookPeriod;
  goal_ = of.goal;
  pool_.aim(goal_);
  tell(FleetNews::Kind::rolling, of.generation);
}

void Fleet::commit(Transaction& of) {
  const bool first = goal_.generation == 0;
  if (first) {
    goal_ = of.goal;
    goal_.check_health = false;  // there is no better code to go back to
    pool_.aim(goal_);
  }
  tell(FleetNews::Kind::committed, of.generation);
  // From now on a worker replaces one that was good: what the health check depends on
  // may be down, and must not keep workers from starting.
  goal_.check_health = false;
  if (!first) goal_.refuse_broken = false;  // else: as somebody wants it who edits
  pool_.adjust(goal_);
  if (!learned_.to_judge().empty()) judge_at_ = kernel_.now() + kJudgeDelay;
  advance(last_, ReloadEvent::dropped);
  const bool way_back = of.parked() && of.fallback > 0s &&
                        nursery_.ready(of.previous.generation) != nullptr;
  if (way_back) {
    last_ = std::move(of);
    last_.until = kernel_.now() + last_.fallback;
    last_.look_at = kernel_.now() + kParkedPeriod;
  }
  of = {};
}

// Workers that import by themselves, in a release that somebody has removed.
bool Fleet::cannot_come_back(std::uint32_t generation) const {
  const Process* const zygote = nursery_.ready(generation);
  return zygote != nullptr && !nursery_.in_memory(generation) &&
         kernel_.lacks_its_directory(*zygote);
}

void Fleet::fall_back(Transaction& of, FleetNews why) {
  const std::uint32_t g = of.generation;
  if (cannot_come_back(of.previous.generation)) {
    why.reason = why.reason +
                 "; the old code is not brought back, since its directory has been "
                 "removed, where "
                 "its workers would import it";
    tell(FleetNews::Kind::no_way_back, g, std::move(why));
    of = {};
    return;
  }
  go_back(of);
  tell(FleetNews::Kind::fell_back, g, std::move(why));
  // One that is tried meanwhile goes on, and replaces whatever serves.
  if (reload_.open())
    of = {};
  else
    reload_ = std::exchange(of, {});
}

void Fleet::go_back(Transaction& of) {
  goal_ = of.previous;
  pool_.aim(goal_);
  if (&of != &reload_ && reload_.step == ReloadStep::canary)
    pool_.begin_trial(reload_.goal);
  replan_ = true;
}

void Fleet::forget_way_back() {
  advance(last_, ReloadEvent::dropped);
  dismiss_unused();
}

void Fleet::note_end(const News& end) {
  if (end.kind != News::Kind::gone) return;
  if (end.out_of_memory)
    return advance(last_, ReloadEvent::expired, {.reason = "memory is short"});
  std::uint64_t most_answers = 0;
  Clock::duration oldest{};
  for (const Pool::Slot& slot : pool_.slots()) {
    if (slot.view.state != State::serving || slot.view.generation != end.generation)
      continue;
    const Traffic one = kernel_.listen(slot.process, slot.threads).traffic;
    most_answers = std::max(most_answers, Probation::well_answered(one));
    oldest = std::max(oldest, kernel_.now() - slot.asked_at);
  }
  last_.probation.heed(end, {most_answers, oldest}, goal_.respawn.healthy_after);
}

void Fleet::watch_probation(Clock::time_point now) {
  if (!last_.parked()) return;
  if (now >= last_.until) return advance(last_, ReloadEvent::expired);
  const bool due = now >= last_.look_at;
  if (due) last_.look_at = now + kParkedPeriod;
  // While another generation is rolled out, that one is judged.
  if (goal_.generation != last_.generation) return;
  const std::uint32_t g = last_.generation;
  const auto serving = std::ranges::count_if(pool_.slots(), [&](const Pool::Slot& s) {
    return s.view.state == State::serving && s.view.generation == g;
  });
  if (auto why = last_.probation.verdict(goal_.workers, serving != 0); !why.empty())
    return advance(last_, ReloadEvent::failed, {.reason = std::move(why)});
  if (!due) return;
  if (kernel_.is_short_of_memory())
    return advance(last_, ReloadEvent::expired, {.reason = "memory is short"});
  if (auto why = worse(last_); !why.empty()) tell_worse(last_, std::move(why));
}

std::string Fleet::worse(const Transaction& of) const {
  const Traffic after = traffic(of.generation);
  return clearly_worse(of.before, after) ? compare(of.before, after) : std::string{};
}

// A database may have died, or a migration may have run: the old code might fail too.
void Fleet::tell_worse(Transaction& of, std::string why) {
  if (std::exchange(of.told_worse, true)) return;
  tell(FleetNews::Kind::worse, of.generation, {.reason = std::move(why)});
}

void Fleet::tell(FleetNews::Kind kind, std::uint32_t generation, FleetNews news) {
  news.kind = kind;
  news.generation = generation;
  news_.push_back(std::move(news));
}

}  // namespace monodon::master

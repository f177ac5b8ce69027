// SPDX-License-Identifier: Apache-2.0
// What happens to workers, and what is done about it.
#include "master/fleet/pool.h"

#include <fmt/format.h>

#include <algorithm>

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr Clock::duration kStuckPatience = 5s;
constexpr Clock::duration kQuickPatience = 1s;
constexpr Clock::duration kQuickStartPatience = std::chrono::milliseconds{400};
constexpr Clock::duration kExitPatience = 2s;   // from hanging up to being reaped
constexpr Clock::duration kKillPatience = 10s;  // until the first complaint
constexpr Clock::duration kMostSilence = 10min,
                          kTellPause = 100ms;   // before a refused message is repeated
constexpr std::size_t kMostStacks = 16 * 1024;  // kept of each worker

}  // namespace

Pool::Pool(Kernel& kernel, const PoolSettings& settings)
    : kernel_{kernel}, settings_{settings} {
  aim(settings);
}

void Pool::aim(const PoolSettings& settings) {
  const bool anew = settings.generation != settings_.generation;
  settings_ = settings;
  trial_.reset();
  keep_budget();
  for (Slot& slot : slots_) {
    if (!anew) continue;
    slot.respawn = RespawnPolicy{settings_.respawn};
    slot.view.may_start_at = {};
  }
}

// Both zero would let nothing be replaced, ever; the configuration check refuses it.
void Pool::keep_budget() {
  if (settings_.max_surge == 0 && settings_.max_unavailable == 0)
    settings_.max_unavailable = 1;
}

// Its failure is no reason to keep the goal's own workers waiting for the slot.
void Pool::end_trial() {
  if (!trial_) return;
  for (Slot& slot : slots_) {
    if (slot.view.generation != trial_->generation) continue;
    slot.respawn.clear();
    if (!occupied(slot.view.state)) slot.view.may_start_at = {};
  }
  trial_.reset();
}

void Pool::tick(const Process* zygote, const Process* trial_zygote) {
  const Clock::time_point now = kernel_.now();
  // Whoever is due within half a period is looked at as well: one wake-up for all.
  const bool round = std::ranges::any_of(
      slots_, [&](const Slot& slot) { return now >= slot.heartbeat.next_look(); });
  const auto due_by = round ? now + Heartbeat::kPeriod / 2 : now;
  for (Slot& slot : slots_) {
    if (now >= slot.deadline) deliver(slot, Event::deadline);
    if (due_by >= slot.heartbeat.next_look()) look_for_life(slot, now);
    if (now >= slot.tell_at) tell_to_go(slot);
  }

  // A slot is a number for ever: the table grows and never shrinks. Who does not die
  // keeps its number.
  const std::size_t room = settings_.workers + settings_.max_surge + written_off();
  while (slots_.size() < std::max<std::size_t>(room, trial_ ? 1 : 0)) {
    slots_.emplace_back();
    slots_.back().respawn = RespawnPolicy{settings_.respawn};
  }
  for (Slot& slot : slots_) {
    const bool due = slot.view.generation != settings_.generation ||
                     slot.view.wear != Wear::none || trial_;
    slot.view.busy = due && slot.view.state == State::serving &&
                     kernel_.listen(slot.process, slot.threads).busy;
  }
  const Goal wanted = goal(zygote != nullptr, trial_zygote != nullptr);
  for (const Decision decision : plan(views(), wanted, now)) {
    switch (decision.kind) {
      case Decision::Kind::start:
        start(decision.slot, *zygote, settings_);
        break;
      case Decision::Kind::try_out:
        start(decision.slot, *trial_zygote, *trial_);
        break;
      case Decision::Kind::drain:
        deliver(slots_[decision.slot], Event::drain);
        break;
    }
  }
}

void Pool::look_for_life(Slot& slot, Clock::time_point now) {
  if (slot.view.state != State::serving || slot.view.wear == Wear::silent)
    return slot.heartbeat.end();
  const auto seen = kernel_.listen(slot.process, slot.threads).heartbeat;
  if (!slot.heartbeat.look(seen, now)) return;
  slot.view.wear = Wear::silent;
  report(News::Kind::silent, slot);
}

void Pool::start(std::size_t index, const Process& zygote,
                 const PoolSettings& settings) {
  Slot& slot = slots_[index];
  const std::uint32_t serial = ++last_serial_;
  const std::int64_t tasks = settings.check_health * wire::kCheckHealth +
                             refuses_broken(settings) * wire::kRefuseBroken;
  const wire::Frame order{.kind = wire::Kind::fork,
                          .slot = static_cast<std::uint32_t>(index),
                          .serial = serial,
                          .generation = settings.generation,
                          .value = tasks};
  slot.asked_at = kernel_.now();
  slot.boot_timeout = settings.boot_timeout;
  slot.checking = false;
  slot.view.generation = settings.generation;
  slot.view.wear = Wear::none;
  slot.asked_to_go = false;
  slot.boot_failed = false;
  slot.whole = false;
  slot.threads = settings.threads;
  slot.retire = 0;
  slot.struck_in = State::vacant;
  ++slot.starts;
  auto process = kernel_.ask_for_worker(zygote, order, settings.threads);
  if (process) slot.process = std::move(process).value();
  slot.process.serial = serial;
  deliver(slot, Event::asked);
  if (!process) unfork(slot, process.error());
}

Pool::Slot* Pool::find(std::size_t slot, std::uint32_t serial) {
  if (slot >= slots_.size()) return nullptr;
  Slot& found = slots_[slot];
  const bool current = occupied(found.view.state) && found.process.serial == serial;
  return current ? &found : nullptr;
}

void Pool::on_zygote_message(const wire::Message& message, int zygote) {
  const wire::Frame& frame = message.frame;
  Slot* slot = find(frame.slot, frame.serial);
  if (slot == nullptr || slot->view.state != State::forking) return;
  if (slot->view.generation != frame.generation) return;
  if (frame.kind == wire::Kind::forked) {
    adopt(*slot, frame, zygote);
  } else if (frame.kind == wire::Kind::fork_failed) {
    unfork(*slot, {"fork worker", static_cast<int>(frame.value)});
  }
}

void Pool::adopt(Slot& slot, const wire::Frame& frame, int zygote) {
  if (const auto checked = check_pid(slot, frame, zygote); !checked)
    return unfork(slot, checked.error());
  auto pidfd = kernel_.adopt(static_cast<int>(frame.value));
  if (!pidfd) return unfork(slot, pidfd.error());
  slot.process.pidfd = std::move(pidfd).value();
  slot.process.pid = static_cast<int>(frame.value);
  slot.reason.clear();
  report(News::Kind::started, slot);
  deliver(slot, Event::forked);
}

void Pool::unfork(Slot& slot, const Error& why) {
  News news;
  news.kind = News::Kind::not_forked;
  news.slot = static_cast<std::uint32_t>(&slot - slots_.data());
  news.serial = slot.process.serial;
  news.generation = slot.view.generation;
  news.state = slot.view.state;
  news.value = why.code;
  news.text = why.message();
  slot.reason = news.text;
  deliver(slot, Event::unforked);
  news.pause = slot.view.may_start_at - kernel_.now();
  news_.push_back(std::move(news));
}

void Pool::on_zygote_gone(std::uint32_t generation) {
  for (Slot& slot : slots_)
    if (slot.view.state == State::forking && slot.view.generation == generation)
      unfork(slot, {"the zygote ended before it forked"});
}

void Pool::on_message(std::size_t index, std::uint32_t serial,
                      const wire::Message& message) {
  Slot* slot = find(index, serial);
  const wire::Frame& frame = message.frame;
  if (slot == nullptr || frame.slot != index || frame.serial != serial) return;
  const auto tell_news = [&](News::Kind kind) {
    News& news = report(kind, *slot);
    news.value = frame.value;
    news.text = message.text;
  };
  if (frame.kind == wire::Kind::ready) {
    if (slot->view.state == State::starting) report(News::Kind::ready, *slot);
    slot->whole = frame.value == 0;
    deliver(*slot, Event::ready);
  } else if (frame.kind == wire::Kind::checking) {
    if (slot->view.state != State::starting || slot->checking) return;
    slot->checking = true;
    slot->deadline =
        kernel_.now() + (trial_ ? *trial_ : settings_).health_check_timeout;
  } else if (frame.kind == wire::Kind::boot_failed) {
    // Once, and from who does not serve yet: what it says goes into the log.
    if (slot->view.state != State::starting || slot->boot_failed) return;
    tell_news(News::Kind::boot_failed);
    slot->boot_failed = true;
  } else if (frame.kind == wire::Kind::retire && slot->view.wear == Wear::none) {
    tell_news(News::Kind::retiring);
    slot->view.wear = Wear::retiring;
    slot->retire = frame.value;
  } else if (frame.kind == wire::Kind::learned) {
    tell_news(frame.value == 0 ? News::Kind::learned : News::Kind::stale);
  } else if (frame.kind == wire::Kind::slow) {
    slot->stacks = message.text.substr(0, kMostStacks);
    slot->stacks_at = kernel_.now();
  } else if (frame.kind == wire::Kind::hangs && slot->view.wear != Wear::silent) {
    slot->view.wear = Wear::silent;
    tell_news(News::Kind::silent);
    if (slot->view.state == State::draining)
      slot->deadline = std::min(slot->deadline, kernel_.now() + kStuckPatience);
  } else if (frame.kind == wire::Kind::stuck) {
    if (slot->view.wear < Wear::stuck) tell_news(News::Kind::stuck);
    slot->view.wear = std::max(slot->view.wear, Wear::stuck);
    if (slot->view.state == State::draining)
      slot->deadline = std::min(slot->deadline, kernel_.now() + kStuckPatience);
  }
}

void Pool::on_hung_up(std::size_t index, std::uint32_t serial) {
  Slot* slot = find(index, serial);
  if (slot == nullptr) return;
  slot->process.channel.reset();
  deliver(*slot, Event::hung_up);
}

void Pool::on_pidfd(std::size_t index, std::uint32_t serial) {
  Slot* slot = find(index, serial);
  if (slot == nullptr || !slot->process.pidfd) return;
  const Rumour last = kernel_.listen(slot->process, slot->threads);
  const auto death = kernel_.reap(slot->process);
  if (!death) return;
  News news = news_of(News::Kind::gone, *slot);
  news.death = *death;
  news.last = last;
  // SIGKILL of ours needs no other explanation.
  news.out_of_memory = death->out_of_memory && slot->struck_in == State::vacant;
  news.page = std::move(slot->process.page);
  news.text = std::exchange(slot->stacks, {});
  news.since_stacks = kernel_.now() - slot->stacks_at;
  deliver(*slot, Event::exited);
  if (death->by_signal) have_others_look();
  const auto rest = slot->view.may_start_at - kernel_.now();
  news.pause = std::max(rest, Clock::duration::zero());
  news_.push_back(std::move(news));
}

void Pool::stop(bool quick) {
  const bool first = !stopping_;
  stopping_ = true;
  if (first && !quick) return;  // tick() drains
  const bool hurry = quick && !quick_;
  quick_ = quick_ || quick;
  if (!hurry) return;
  // Those that drain already hear it again, with a shorter deadline.
  for (Slot& slot : slots_) {
    if (slot.view.state != State::draining) continue;
    tell_to_go(slot);
    slot.deadline = std::min(slot.deadline, kernel_.now() + kQuickPatience);
  }
}

Outcome Pool::request_stacks(std::size_t index, int writer) {
  if (index >= slots_.size()) return Error{fmt::format("there is no slot {}", index)};
  const Slot& slot = slots_[index];
  if (!slot.process.channel)
    return Error{
        fmt::format("no worker is in slot {} ({})", index, name_of(slot.view.state))};
  return kernel_.tell(slot.process, frame_for(wire::Kind::dump, slot),
                      std::span{&writer, 1});
}

// The only place that changes a slot's state, and the only one that acts on it.
void Pool::deliver(Slot& slot, Event event) {
  const State before = slot.view.state;
  const Step next = step(before, event);
  slot.view.state = next.next;
  perform(slot, next.effect, before, event);
}

void Pool::perform(Slot& slot, Effect effect, State before, Event event) {
  const Clock::time_point now = kernel_.now();
  switch (effect) {
    case Effect::none:
      break;
    case Effect::arm_boot_timer:
      slot.deadline = slot.boot_timeout == Clock::duration::zero()
                          ? kNever
                          : now + slot.boot_timeout;
      break;
    case Effect::disarm_timer:
      slot.deadline = kNever;
      slot.heartbeat.begin(now);
      break;
    case Effect::ask_to_drain:
      ask_to_drain(slot, before);
      break;
    case Effect::await_exit:
      slot.deadline = std::min(slot.deadline, now + kExitPatience);
      break;
    case Effect::kill:
      slot.struck_in = before;
      report(News::Kind::overdue, slot).state = before;
      kill(slot);
      break;
    case Effect::blame_zygote:
      slot.deadline = now + kKillPatience;
      report(News::Kind::zygote_silent, slot);
      break;
    case Effect::complain:
      slot.view.wear = Wear::silent;
      slot.view.undying = true;
      slot.complain_again = std::min(slot.complain_again * 2, kMostSilence);
      slot.deadline = now + slot.complain_again;
      report(News::Kind::undead, slot);
      break;
    case Effect::release:
      vacate(slot, false);
      break;
    case Effect::rest:
    case Effect::count_failed:
      slot.asked_at = now;  // a long boot is not a good run
      vacate(slot, true);
      break;
    case Effect::count_crash:
      vacate(slot, true);
      break;
    case Effect::bug:
      report(News::Kind::bug, slot).text =
          fmt::format("event {} in state {}", static_cast<int>(event), name_of(before));
      break;
  }
}

void Pool::ask_to_drain(Slot& slot, State before) {
  slot.asked_to_go = true;
  report(News::Kind::draining, slot);
  auto patience = settings_.graceful_timeout;
  if (slot.view.wear >= Wear::stuck) patience = std::min(patience, kStuckPatience);
  // One that never served does not listen yet, and has nothing to finish.
  if (quick_ || before == State::starting) patience = kQuickPatience;
  if (slot.view.generation == withdrawn_) patience = {};
  if (quick_ && before == State::starting) patience = kQuickStartPatience;
  slot.deadline = kernel_.now() + patience;
  tell_to_go(slot);
}

// A worker that does not hear this serves on until its deadline kills it, requests
// and all.
void Pool::tell_to_go(Slot& slot) {
  wire::Frame order = frame_for(quick_ ? wire::Kind::stop : wire::Kind::drain, slot);
  order.value = stopping_ || settings_.workers == 0 ? 1 : 0;
  const auto told = kernel_.tell(slot.process, order);
  const bool again = !told && wire::may_pass(told.error());
  slot.tell_at = again ? kernel_.now() + kTellPause : kNever;
}

void Pool::kill(Slot& slot) {
  // An error means that it has ended already; its pidfd will say so.
  (void)kernel_.kill(slot.process);
  slot.complain_again = kKillPatience;
  slot.deadline = kernel_.now() + kKillPatience;
}

void Pool::vacate(Slot& slot, bool failed) {
  slot.process = Process{};
  slot.deadline = kNever;
  slot.heartbeat.end();
  slot.tell_at = kNever;
  slot.view.wear = Wear::none;
  slot.view.undying = false;
  slot.view.may_start_at = {};
  slot.failures = failed ? slot.failures + 1 : 0;
  if (failed)
    slot.view.may_start_at = slot.respawn.after_failure(slot.asked_at, kernel_.now());
  else
    slot.respawn.clear();
}

}  // namespace monodon::master

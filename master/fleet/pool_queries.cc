// SPDX-License-Identifier: Apache-2.0
// What others may ask a Pool, and what it has all workers do; nothing here changes it.
#include <fmt/format.h>

#include <algorithm>

#include "master/fleet/pool.h"

namespace monodon::master {

Goal Pool::goal(bool can_start, bool can_try) const {
  return {.workers = stopping_ ? 0 : settings_.workers,
          .generation = settings_.generation,
          .max_surge = settings_.max_surge,
          .max_unavailable = settings_.max_unavailable,
          .can_start = can_start,
          .trial = trial_ && !stopping_ ? trial_->generation : 0,
          .can_try = trial_ && !stopping_ && can_try};
}

std::vector<SlotView> Pool::views() const {
  std::vector<SlotView> all;
  all.reserve(slots_.size());
  for (const Slot& slot : slots_) all.push_back(slot.view);
  return all;
}

Outcome Pool::check_pid(const Slot& slot, const wire::Frame& forked, int zygote) const {
  constexpr std::int64_t kMaxPid = 1 << 22;  // PID_MAX_LIMIT, proc(5)
  const auto refuse = [&](std::string_view why) {
    return Error{fmt::format("the zygote (pid {}) named pid {}, which cannot be: {}",
                             zygote, forked.value, why)};
  };
  if (forked.value <= 1 || forked.value > kMaxPid) return refuse("there is none");
  const auto known = [&](const Slot& s) { return s.process.pid == forked.value; };
  if (std::any_of(slots_.begin(), slots_.end(), known))
    return refuse("it is that of another worker");
  const auto checked = kernel_.check_worker(forked, zygote, slot.asked_at);
  return checked ? checked : Outcome{refuse(checked.error().message())};
}

News Pool::news_of(News::Kind kind, const Slot& slot) const {
  News news;
  news.kind = kind;
  news.slot = static_cast<std::uint32_t>(&slot - slots_.data());
  news.serial = slot.process.serial;
  news.generation = slot.view.generation;
  news.pid = slot.process.pid;
  news.checking = slot.checking;
  news.state = slot.view.state;
  news.struck_in = slot.struck_in;
  news.wear = slot.view.wear;
  news.retire = slot.retire;
  news.threads = slot.threads;
  news.asked_at = slot.asked_at;
  news.boot_failed = slot.boot_failed;
  news.asked_to_go = slot.asked_to_go;
  news.withdrawn = slot.view.generation == withdrawn_;
  news.age = kernel_.now() - slot.asked_at;
  return news;
}

wire::Frame Pool::frame_for(wire::Kind kind, const Slot& slot) const {
  return {.kind = kind,
          .slot = static_cast<std::uint32_t>(&slot - slots_.data()),
          .serial = slot.process.serial,
          .generation = slot.view.generation};
}

Clock::time_point Pool::next_wakeup() const {
  Clock::time_point next = next_start(views(), kernel_.now());
  for (const Slot& slot : slots_)
    next = std::min({next, slot.deadline, slot.heartbeat.next_look(), slot.tell_at});
  return next;
}

std::size_t Pool::serving() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(),
                    [](const Slot& s) { return s.view.state == State::serving; }));
}

bool Pool::empty() const {
  return std::none_of(slots_.begin(), slots_.end(), [&](const Slot& s) {
    return occupied(s.view.state) && !(stopping_ && undying(s.view));
  });
}

std::size_t Pool::written_off() const {
  const auto count = std::count_if(slots_.begin(), slots_.end(),
                                   [](const Slot& s) { return undying(s.view); });
  return std::min(static_cast<std::size_t>(count), settings_.workers);
}

bool Pool::awaits_fork() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& s) { return s.view.state == State::forking; });
}

// One that was sent SIGKILL may take its time to die, and answers nobody meanwhile.
bool Pool::took_over() const {
  std::size_t current = 0;
  for (const Slot& slot : slots_) {
    const State state = slot.view.state;
    if (!occupied(state) || state == State::killed || state == State::condemned)
      continue;
    if (slot.view.generation != settings_.generation) return false;
    if (state == State::serving) ++current;
  }
  return current >= (stopping_ ? 0 : settings_.workers);
}

bool Pool::uses(std::uint32_t generation) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) {
    return occupied(s.view.state) && s.view.generation == generation &&
           !undying(s.view);
  });
}

// A worker that imports by itself reads what is on the disk by now. Beside others of
// its generation, which found all of it good, one that answers with 500 is no help;
// where none is left, it may still have pages that work.
bool Pool::refuses_broken(const PoolSettings& settings) const {
  return settings.refuse_broken || std::ranges::any_of(slots_, [&](const Slot& slot) {
           return slot.view.state == State::serving && slot.whole &&
                  slot.view.generation == settings.generation;
         });
}

void Pool::have_others_look() {
  for (const Slot& slot : slots_)
    if (slot.view.state == State::serving && slot.process.channel)
      (void)kernel_.tell(slot.process, frame_for(wire::Kind::look, slot));
}

void Pool::import_early(std::uint32_t generation, std::string_view lines) {
  for (const Slot& slot : slots_)
    if (slot.view.state == State::serving && slot.view.generation == generation)
      (void)kernel_.tell(slot.process, frame_for(wire::Kind::import_early, slot), {},
                         lines);
}

void Pool::reopen_logs() {
  for (const Slot& slot : slots_)
    if (slot.process.channel)
      (void)kernel_.tell(slot.process, frame_for(wire::Kind::reopen_logs, slot));
}

}  // namespace monodon::master

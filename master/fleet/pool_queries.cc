// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "master/fleet/pool.h"

namespace monodon::master {

Pool::Slot* Pool::find(std::size_t slot, std::uint32_t serial) {
  if (slot >= slots_.size()) return nullptr;
  Slot& found = slots_[slot];
  const bool current = occupied(found.view.state) && found.process.serial == serial;
  return current ? &found : nullptr;
}

News& Pool::report(News::Kind kind, const Slot& slot) {
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
  news.age = kernel_.now() - slot.asked_at;
  return news_.emplace_back(std::move(news));
}

std::vector<News> Pool::take_news() {
  return std::exchange(news_, {});
}

void Pool::stop(bool quick) {
  const Clock::time_point now = kernel_.now();
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
    slot.deadline = std::min(slot.deadline, now + std::chrono::seconds{1});
  }
}

void Pool::reopen_logs() {
  for (const Slot& slot : slots_)
    if (slot.process.channel)
      (void)kernel_.tell(slot.process,
                         {.kind = wire::Kind::reopen_logs,
                          .slot = static_cast<std::uint32_t>(&slot - slots_.data()),
                          .serial = slot.process.serial,
                          .generation = slot.view.generation});
}

Outcome Pool::request_stacks(std::size_t index, int writer) {
  if (index >= slots_.size()) return Error{fmt::format("there is no slot {}", index)};
  const Slot& slot = slots_[index];
  if (!slot.process.channel)
    return Error{
        fmt::format("no worker is in slot {} ({})", index, name_of(slot.view.state))};
  return kernel_.tell(slot.process,
                      {.kind = wire::Kind::dump,
                       .slot = static_cast<std::uint32_t>(index),
                       .serial = slot.process.serial,
                       .generation = slot.view.generation},
                      std::span{&writer, 1});
}

Clock::time_point Pool::next_wakeup() const {
  Clock::time_point next = next_start(views(), kernel_.now());
  for (const Slot& slot : slots_)
    next = std::min({next, slot.deadline, slot.look_at, slot.tell_at});
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
    return occupied(s.view.state) && s.view.generation == generation;
  });
}

}  // namespace monodon::master

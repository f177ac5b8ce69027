// SPDX-License-Identifier: Apache-2.0
// From the kernel's events of a child to what they mean for pool and nursery.
#include "master/helpers/process_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/process/close_elsewhere.h"
#include "master/system/linux_kernel.h"
#include "worker/wire/wire.h"

namespace monodon::master {

namespace {

constexpr int kMessagesPerTurn = 16;

// A worker or zygote never does, unless its application found the channel; and only a
// kernel before 6.16 lets it. Such a process is let go.
bool sent_descriptors(Result<wire::Message>& got, int pid) {
  if (got && got.value().fds.empty()) return false;
  if (!got && got.error().code != EBADMSG) return false;
  if (got) close_elsewhere(std::move(got.value().fds));
  log::error(fmt::format("process {} sent file descriptors to the master, over a "
                         "socket that takes none; it is replaced",
                         pid),
             {log::Id::descriptors_refused});
  return true;
}

}  // namespace

void ProcessWatch::sync() {
  for (auto& [serial, watch] : workers_) watch.seen = false;
  for (auto& [pid, watch] : zygotes_) watch.seen = false;
  const auto& slots = fleet_.pool().slots();
  for (const auto& slot : slots)
    if (slot.process.pidfd)
      if (const auto w = workers_.find(slot.process.serial); w != workers_.end()) {
        w->second.seen = true;
        if (!slot.process.channel) w->second.channel = {};
      }
  for (const auto& child : fleet_.nursery().children())
    if (const auto w = zygotes_.find(child.process.pid); w != zygotes_.end()) {
      w->second.seen = true;
      if (!child.process.channel) w->second.channel = {};
    }
  // The old ones go before new ones come: a descriptor's number may be in use again.
  std::erase_if(workers_, [](const auto& entry) { return !entry.second.seen; });
  std::erase_if(zygotes_, [](const auto& entry) { return !entry.second.seen; });

  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].process.pidfd && !workers_.contains(slots[i].process.serial))
      watch_worker(i, slots[i]);
  for (const auto& child : fleet_.nursery().children())
    if (child.alive && !zygotes_.contains(child.process.pid)) watch_zygote(child);
}

// Not before its pid is known: `ready` may overtake the zygote's `forked`.
void ProcessWatch::watch_worker(std::size_t index, const Pool::Slot& slot) {
  const std::uint32_t serial = slot.process.serial;
  auto watch = watch_process(
      slot.process, [this, index, serial] { read_worker(index, serial); },
      [this, index, serial] {
        fleet_.pool().on_pidfd(index, serial);
        sweep_ = true;
      });
  if (watch) workers_.emplace(serial, std::move(watch).value());
}

void ProcessWatch::watch_zygote(const Nursery::Child& child) {
  const std::uint32_t generation = child.generation;
  auto watch = watch_process(
      child.process, [this, generation] { read_zygote(generation); },
      [this, generation] {
        fleet_.nursery().on_pidfd(generation);
        sweep_ = true;
      });
  if (watch) zygotes_.emplace(child.process.pid, std::move(watch).value());
}

// What the kernel refuses now is tried again in the next turn, within a second: the
// events are levels, so that nothing is missed meanwhile.
Result<ProcessWatch::Watch> ProcessWatch::watch_process(
    const Process& process, EventLoop::OnIo::Handler on_message,
    EventLoop::OnIo::Handler on_death) {
  Watch watch;
  auto channel = loop_.try_io(process.channel.get(), EventLoop::Rank::message,
                              std::move(on_message));
  auto pidfd =
      loop_.try_io(process.pidfd.get(), EventLoop::Rank::death, std::move(on_death));
  for (const auto* made : {&channel, &pidfd}) {
    if (*made) continue;
    log::error(fmt::format("process {}: {}; trying again", process.pid,
                           made->error().message()),
               {log::Id::resources_short});
    return made->error();
  }
  watch.channel = std::move(channel).value();
  watch.pidfd = std::move(pidfd).value();
  return watch;
}

void ProcessWatch::read_worker(std::size_t index, std::uint32_t serial) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto& slots = fleet_.pool().slots();
    const Process& process = slots.at(index).process;
    if (process.serial != serial || !process.channel) return;
    auto message = wire::receive(process.channel.get(), close_elsewhere);
    if (sent_descriptors(message, process.pid)) {
      return fleet_.pool().on_hung_up(index, serial);
    } else if (message) {
      fleet_.pool().on_message(index, serial, message.value());
    } else if (message.error().code == ECONNRESET) {
      return fleet_.pool().on_hung_up(index, serial);
    } else if (message.error().code == EAGAIN) {
      return;
    }
  }
}

void ProcessWatch::read_zygote(std::uint32_t generation) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto& children = fleet_.nursery().children();
    const auto child =
        std::find_if(children.begin(), children.end(),
                     [&](const auto& c) { return c.generation == generation; });
    if (child == children.end() || !child->process.channel) return;
    auto message = wire::receive(child->process.channel.get(), close_elsewhere);
    if (sent_descriptors(message, child->process.pid)) {
      return fleet_.nursery().on_hung_up(generation);
    } else if (message) {
      fleet_.nursery().on_message(generation, std::move(message).value());
    } else if (message.error().code == ECONNRESET) {
      return fleet_.nursery().on_hung_up(generation);
    } else if (message.error().code == EAGAIN) {
      return;
    }
  }
}

// Orphans of the application come to us, the subreaper.
void ProcessWatch::reap_strangers(std::span<const int> helpers) {
  if (!sweep_ || fleet_.pool().awaits_fork()) return;
  sweep_ = false;
  std::vector<int> known{helpers.begin(), helpers.end()};
  for (const auto& slot : fleet_.pool().slots())
    if (slot.process.pid > 0) known.push_back(slot.process.pid);
  for (const auto& child : fleet_.nursery().children())
    if (child.alive) known.push_back(child.process.pid);
  if (const int count = LinuxKernel::reap_strangers(known); count > 0)
    log::debug(fmt::format("reaped {} processes that the application left", count));
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// What one version of the master leaves to the next, written and read.
#include "master/handover/testament.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log/log.h"
#include "scoreboard/board_layout.h"
#include "scoreboard/page.h"

namespace monodon::master {

namespace {

constexpr std::uint32_t kMostSlots = 4096;

std::int64_t ns(Clock::time_point t) {
  return t.time_since_epoch().count();
}

Clock::time_point at(std::int64_t ns) {
  return Clock::time_point{Clock::duration{ns}};
}

std::optional<State> state_of(std::string_view name) {
  for (std::size_t i = 0; i < kStates; ++i)
    if (name == name_of(static_cast<State>(i))) return static_cast<State>(i);
  return std::nullopt;
}

// An open descriptor above stderr, which from here on nobody else has.
UniqueFd take(int number) {
  if (number <= STDERR_FILENO || ::fcntl(number, F_SETFD, FD_CLOEXEC) != 0) return {};
  return UniqueFd{number};
}

Process process_of(int pid, int channel, Kernel& kernel) {
  Process process;
  process.channel = take(channel);
  process.pid = pid;
  if (pid <= 1) return process;
  auto pidfd = kernel.adopt(pid);
  if (pidfd) process.pidfd = std::move(pidfd).value();
  return process;
}

void restore(const Testament::Worker& worker, Kernel& kernel,
             std::vector<Pool::Slot>& slots) {
  UniqueFd page = take(worker.page);
  Process process = process_of(worker.pid, worker.channel, kernel);
  const auto state = state_of(worker.state);
  const bool known = state && occupied(*state) && *state != State::forking;
  if (!known || !process.pidfd || worker.slot >= kMostSlots ||
      (worker.slot < slots.size() && occupied(slots[worker.slot].view.state))) {
    log::warning(fmt::format("worker {} (pid {}) cannot be adopted: its slot is filled "
                             "anew",
                             worker.slot, worker.pid),
                 {log::Id::upgrade_failed});
    return;
  }
  if (slots.size() <= worker.slot) slots.resize(worker.slot + 1);
  Pool::Slot& slot = slots[worker.slot];
  slot.process = std::move(process);
  slot.process.page = std::move(page);
  slot.process.serial = worker.serial;
  slot.view.state = *state;
  slot.view.generation = worker.generation;
  slot.threads = std::max(1U, worker.threads);
  slot.asked_at = at(worker.asked_ns);
  slot.deadline = at(worker.deadline_ns);
  slot.failures = worker.failures;
  slot.retire = worker.retire;
  if (worker.retire != 0) slot.view.wear = Wear::retiring;
  slot.asked_to_go = worker.asked_to_go;
  if (*state == State::serving) slot.heartbeat.take_over(kernel.now());
}

std::optional<Nursery::Child> restore(const Testament::Zygote& zygote, Kernel& kernel,
                                      const std::vector<int>& order_fds) {
  Nursery::Child child;
  child.process = process_of(zygote.pid, zygote.channel, kernel);
  auto boot = worker::boot_from_json(zygote.boot);
  if (!boot || !child.process.pidfd || !child.process.channel || zygote.argv.empty()) {
    log::warning(fmt::format("the zygote of generation {} (pid {}) cannot be adopted",
                             zygote.generation, zygote.pid),
                 {log::Id::upgrade_failed});
    return std::nullopt;
  }
  child.generation = zygote.generation;
  child.order.argv = zygote.argv;
  child.order.environment = zygote.environment;
  child.order.boot = std::move(boot).value();
  child.order.fds = order_fds;
  child.boot_timeout = std::chrono::milliseconds{zygote.boot_timeout_ms};
  child.in_memory = worker::preloads(child.order.boot);
  child.asked_at = at(zygote.asked_ns);
  child.alive = child.loaded = child.loaded_before = true;
  return child;
}

}  // namespace

std::string state_version() {
  return fmt::format("2.{}.{}.{}.{}", scoreboard::kBoardVersion, sizeof(wire::Frame),
                     sizeof(scoreboard::WorkerHeader), sizeof(scoreboard::ThreadRow));
}

Testament draw_up(const Fleet& fleet, const std::vector<Listener>& listeners) {
  Testament will;
  will.generation = fleet.generation();
  will.last_generation = fleet.last_generation();
  will.last_serial = fleet.pool().last_serial();
  will.wanted = fleet.workers();
  const auto& slots = fleet.pool().slots();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Pool::Slot& slot = slots[i];
    if (slot.process.pid <= 0) continue;
    will.workers.push_back({.slot = static_cast<std::uint32_t>(i),
                            .serial = slot.process.serial,
                            .generation = slot.view.generation,
                            .pid = slot.process.pid,
                            .state = name_of(slot.view.state),
                            .channel = slot.process.channel.get(),
                            .page = slot.process.page.get(),
                            .threads = static_cast<std::uint32_t>(slot.threads),
                            .asked_ns = ns(slot.asked_at),
                            .deadline_ns = ns(slot.deadline),
                            .failures = slot.failures,
                            .retire = slot.retire,
                            .asked_to_go = slot.asked_to_go});
  }
  for (const Nursery::Child& child : fleet.nursery().children()) {
    // The others have been told to quit: they do, and are reaped as strangers.
    if (!child.alive || !child.wanted || !child.loaded) continue;
    will.zygotes.push_back(
        {.generation = child.generation,
         .pid = child.process.pid,
         .channel = child.process.channel.get(),
         .argv = child.order.argv,
         .environment = child.order.environment,
         .boot = worker::to_json(child.order.boot),
         .asked_ns = ns(child.asked_at),
         .boot_timeout_ms =
             std::chrono::duration_cast<std::chrono::milliseconds>(child.boot_timeout)
                 .count()});
  }
  for (const std::string& line : fleet.learned().importable())
    will.learned += line + "\n";
  for (const Listener& listener : listeners)
    if (!listener.own_path.empty())
      will.socket_files.push_back({listener.own_path, listener.device, listener.inode});
  return will;
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Testament::Worker, slot, serial, generation, pid,
                                   state, channel, page, threads, asked_ns, deadline_ns,
                                   failures, retire, asked_to_go)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Testament::Zygote, generation, pid, channel, argv,
                                   environment, boot, asked_ns, boot_timeout_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Testament::SocketFile, path, device, inode)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Testament, generation, last_generation, last_serial,
                                   upgrades, wanted, workers, zygotes, socket_files,
                                   learned)

std::string to_json(const Testament& testament) {
  return nlohmann::json(testament).dump(-1, ' ', false,
                                        nlohmann::json::error_handler_t::replace);
}

Result<Testament> testament_from_json(std::string_view json) {
  try {
    auto will = nlohmann::json::parse(json);
    // 0.2.0 left none.
    if (will.is_object() && !will.contains("last_generation"))
      will["last_generation"] = will.at("generation");
    return will.get<Testament>();
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string{"read what the master before left: "} + e.what()};
  }
}

void carry_out(const Testament& testament, Kernel& kernel, const PoolSettings& goal,
               const std::vector<int>& order_fds, Fleet& fleet) {
  Fleet::Past past;
  past.goal = goal;
  past.goal.generation = testament.generation;
  past.goal.workers = testament.wanted;
  past.last_generation = testament.last_generation;
  past.last_serial = testament.last_serial;
  past.learned = testament.learned;
  for (const Testament::Worker& worker : testament.workers)
    restore(worker, kernel, past.slots);
  for (const Testament::Zygote& zygote : testament.zygotes)
    if (auto child = restore(zygote, kernel, order_fds))
      past.zygotes.push_back(std::move(*child));
  fleet.resume(std::move(past));
}

}  // namespace monodon::master

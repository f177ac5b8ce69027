// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "master/fleet/fleet.h"
#include "worker/wire/rehearsal.h"

namespace monodon::testing {

using namespace monodon::master;

// A toy operating system: zygotes and workers that do nothing until the test says so,
// and a clock that moves when told to. It knows what is true; the fleet under test only
// learns what it is told.
class ToySystem : public Kernel {
 public:
  struct Being {
    int pid = -1;
    std::uint32_t serial = 0;  // 0: a zygote
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    bool loaded = false;  // zygotes
    bool ready = false;   // workers
    bool told_to_go = false;
    bool hung_up = false;  // its death was seen on the channel
    bool killed = false;   // SIGKILL is on its way
    bool dead = false;
    bool stubborn = false;  // ignores `drain`
    bool checks_health = false;
    bool preloads = false;        // zygotes
    bool refuses_broken = false;  // workers: so they were told; zygotes: Boot::reload
    bool busy = false;            // runs a request, as its page says
    bool stopped = false;         // as by SIGSTOP: its heart does not beat
    Traffic traffic;
    Clock::time_point born{};
    Death death;
    std::deque<wire::Frame> orders;      // zygotes: forks not done yet
    std::vector<std::string> rehearses;  // zygotes: what was not answered yet
  };

  Clock::time_point clock{std::chrono::hours{1}};
  std::map<int, Being> beings;    // by pid; gone when reaped
  std::vector<wire::Frame> told;  // all but pings
  int pings = 0;
  int asked_for_stacks = 0;
  std::set<int> homeless;  // pids whose directory was removed
  std::vector<std::vector<std::string>> rehearsals;  // that zygotes were asked for
  std::vector<Sighting> asked_for;                   // of every worker
  bool short_of_memory = false;
  std::string to_judge;      // lines that a zygote was asked to try
  int fail_next_order = 0;   // errno of the next ask_for_worker
  int fail_next_tell = 0;    // errno of the next message to a process
  int fail_next_zygote = 0;  // errno of the next start_zygote

  Result<Process> start_zygote(const ZygoteOrder& order) override {
    if (const int code = std::exchange(fail_next_zygote, 0); code != 0)
      return Error{"start zygote", code};
    Being& being = create();
    being.generation = order.boot.generation;
    being.refuses_broken = order.boot.reload;
    being.preloads = worker::preloads(order.boot);
    Process process = process_of(being);
    process.pidfd = some_fd();
    return process;
  }

  Result<Process> ask_for_worker(const Process& zygote, const wire::Frame& order,
                                 std::size_t) override {
    if (const int code = std::exchange(fail_next_order, 0); code != 0)
      return Error{"ask for a worker", code};
    if (const auto z = beings.find(zygote.pid); z != beings.end())
      z->second.orders.push_back(order);
    Process process;
    process.channel = some_fd();
    process.serial = order.serial;
    return process;
  }

  Result<UniqueFd> adopt(int pid) override {
    if (!beings.contains(pid)) return Error{"adopt", ECHILD};
    return some_fd();
  }

  [[nodiscard]] Outcome check_worker(const wire::Frame& forked, int /*zygote*/,
                                     Clock::time_point ordered) const override {
    const auto being = beings.find(static_cast<int>(forked.value));
    if (being == beings.end()) return ok();
    if (being->second.serial == 0) return Error{"it is a zygote"};
    if (being->second.born < ordered) return Error{"it is older than the order"};
    return ok();
  }

  Outcome tell(const Process& process, const wire::Frame& frame,
               std::span<const int> /*fds*/, std::string_view text) override {
    if (const int code = std::exchange(fail_next_tell, 0); code != 0)
      return Error{"tell", code};
    if (frame.kind == wire::Kind::ping) {
      ++pings;
      return ok();
    }
    told.push_back(frame);
    if (frame.kind == wire::Kind::judge_imports) to_judge = text;
    const auto being = beings.find(process.pid);
    if (being == beings.end() || being->second.dead) return Error{"tell", EPIPE};
    if (frame.kind == wire::Kind::rehearse) {
      rehearsals.push_back(worker::targets_from_json(text).value());
      being->second.rehearses = rehearsals.back();
    }
    being->second.told_to_go |= frame.kind == wire::Kind::drain ||
                                frame.kind == wire::Kind::stop ||
                                frame.kind == wire::Kind::quit;
    return ok();
  }

  [[nodiscard]] bool lacks_its_directory(const Process& process) const override {
    return homeless.contains(process.pid);
  }

  void ask_for_stacks(const Process&) override { ++asked_for_stacks; }

  Outcome kill(const Process& process) override {
    const auto being = beings.find(process.pid);
    if (being == beings.end()) return Error{"kill", ESRCH};
    being->second.killed = true;
    return ok();
  }

  std::optional<Death> reap(const Process& process) override {
    const auto being = beings.find(process.pid);
    if (being == beings.end() || !being->second.dead) return std::nullopt;
    const Death death = being->second.death;
    beings.erase(being);
    return death;
  }

  [[nodiscard]] Rumour listen(const Process& process, std::size_t) const override {
    const auto being = beings.find(process.pid);
    if (being == beings.end()) return {};
    const auto& b = being->second;
    const auto seen = (b.stopped ? b.born : clock).time_since_epoch();
    return {static_cast<std::uint64_t>(seen / std::chrono::seconds{1}), b.busy,
            b.traffic};
  }

  [[nodiscard]] std::vector<Sighting> sightings(const Process&,
                                                std::size_t) const override {
    return asked_for;
  }

  [[nodiscard]] bool is_short_of_memory() override { return short_of_memory; }

  [[nodiscard]] Clock::time_point now() const override { return clock; }

  // What the beings do. Each tells the fleet nothing by itself, except where said.
  Being& fork_for(const wire::Frame& order) {
    Being& being = create();
    being.serial = order.serial;
    being.slot = order.slot;
    being.generation = order.generation;
    being.checks_health = (order.value & wire::kCheckHealth) != 0;
    being.refuses_broken = (order.value & wire::kRefuseBroken) != 0;
    return being;
  }

  void die(Being& being, Death how) {
    being.dead = true;
    being.death = how;
  }

  Being* worker(std::uint32_t serial) {
    for (auto& [pid, being] : beings)
      if (being.serial == serial && serial != 0) return &being;
    return nullptr;
  }

  Being* zygote(std::uint32_t generation) {
    for (auto& [pid, being] : beings)
      if (being.serial == 0 && being.generation == generation && !being.dead)
        return &being;
    return nullptr;
  }

 private:
  Being& create() {
    const int pid = ++last_pid_;
    Being& being = beings[pid];
    being.pid = pid;
    being.born = clock;
    return being;
  }

  static Process process_of(const Being& being) {
    Process process;
    process.channel = some_fd();
    process.pid = being.pid;
    return process;
  }

  static UniqueFd some_fd() {
    static const UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    return UniqueFd{::fcntl(null.get(), F_DUPFD_CLOEXEC, 3)};
  }

  int last_pid_ = 100;
};

// The fleet's side of what beings do, message by message.
struct ToyFleet {
  ToySystem system;
  Fleet fleet{system};

  void zygote_says(std::uint32_t generation, wire::Kind kind, std::int64_t value = 0,
                   std::string text = {}) {
    fleet.nursery().on_message(
        generation, {{.kind = kind, .generation = generation, .value = value},
                     std::move(text),
                     {}});
  }

  void zygote_loads(std::uint32_t generation) {
    if (auto* z = system.zygote(generation)) z->loaded = true;
    zygote_says(generation, wire::Kind::loaded);
    fleet.tick();
  }

  void zygote_ends(std::uint32_t generation) {
    system.die(*system.zygote(generation), {});
    fleet.nursery().on_pidfd(generation);
    fleet.tick();
  }

  // Carries out all fork requests of that zygote.
  void zygote_forks(std::uint32_t generation) {
    auto* zygote = system.zygote(generation);
    if (zygote == nullptr) return;
    for (const wire::Frame& order : std::exchange(zygote->orders, {})) {
      const int pid = system.fork_for(order).pid;
      wire::Frame answer = order;
      answer.kind = wire::Kind::forked;
      answer.value = pid;
      fleet.nursery().on_message(generation, {answer, {}, {}});
    }
    fleet.tick();
  }

  void worker_says(const ToySystem::Being& w, wire::Kind kind, std::int64_t value = 0) {
    fleet.pool().on_message(w.slot, w.serial,
                            {{.kind = kind,
                              .slot = w.slot,
                              .serial = w.serial,
                              .generation = w.generation,
                              .value = value},
                             {},
                             {}});
    fleet.tick();
  }

  void everybody_is_ready() {
    for (auto& [pid, being] : system.beings)
      if (being.serial != 0 && !being.dead && !being.ready) {
        being.ready = true;
        worker_says(being, wire::Kind::ready);
      }
  }

  void worker_dies(std::uint32_t serial, Death how = {true, false, SIGSEGV}) {
    auto* w = system.worker(serial);
    if (w == nullptr) return;
    const std::uint32_t slot = w->slot;
    system.die(*w, how);
    fleet.pool().on_hung_up(slot, serial);
    fleet.tick();
    fleet.pool().on_pidfd(slot, serial);
    fleet.tick();
  }

  [[nodiscard]] const Pool::Slot& slot(std::size_t i) const {
    return fleet.pool().slots().at(i);
  }

  void advance(Clock::duration by) {
    system.clock += by;
    fleet.tick();
  }
};

}  // namespace monodon::testing

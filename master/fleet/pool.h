// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "master/fleet/heartbeat.h"
#include "master/fleet/kernel.h"
#include "master/fleet/planner.h"
#include "master/fleet/respawn_policy.h"

namespace monodon::master {

struct PoolSettings {
  std::uint32_t generation = 1;
  std::size_t workers = 1;
  std::size_t threads = 1;
  std::size_t max_surge = 1;
  std::size_t max_unavailable = 0;
  Clock::duration boot_timeout = std::chrono::seconds{60};  // zero: none
  Clock::duration graceful_timeout = std::chrono::seconds{30};
  bool check_health = false;   // workers make their health check before `ready`
  bool refuse_broken = false;  // wire::kRefuseBroken
  Clock::duration health_check_timeout = std::chrono::seconds{10};
  RespawnPolicy::Limits respawn = {};
};

// Something happened to a worker that somebody may want to log, count or show. A copy:
// the slot may be in use again when it is read.
struct News {
  enum class Kind : std::uint8_t {
    started,      // has a pid
    ready,        // serves; took `age` from the request for it
    not_forked,   // no process came: text says why, value is errno; again in `pause`
    boot_failed,  // it said that it cannot load the application: value, text
    retiring,     // wants to be replaced: value is a wire::Retire
    silent,       // shows no sign of life any more, or says itself that it hangs: text
    stuck,        // request_timeout struck: text says what ran
    draining,     // was asked to go
    overdue,      // our own deadline struck: it was sent SIGKILL
    undead,       // SIGKILL did not help
    gone,         // reaped: death, page, and `pause` until the next try
    zygote_silent,  // the zygote of `generation` does not answer: end it
    learned,        // it imported modules after the fork: text, a line each
    stale,          // ... of files that are newer than its code: likewise
    bug,            // an impossible step; text names it
  };
  Kind kind{};
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  std::uint32_t generation = 0;
  int pid = -1;
  bool checking = false;            // it had begun its health check
  State state = State::vacant;      // before what happened
  State struck_in = State::vacant;  // the state whose deadline struck; vacant: none did
  Wear wear = Wear::none;
  std::int64_t retire = 0;  // a wire::Retire, when it asked for it
  std::size_t threads = 1;  // rows of its page
  Clock::time_point asked_at{};
  bool boot_failed = false;  // it said so itself
  bool refuses = false;  // boot_failed: a reload is refused for it, and told with it
  bool asked_to_go = false;  // the end is expected
  bool withdrawn = false;    // and nobody waits for it: its code was withdrawn
  std::int64_t value = 0;
  std::string text;
  Death death;
  bool out_of_memory = false;      // gone: the kernel's OOM killer did it
  Rumour last;                     // gone: what its page said
  Clock::duration age{};           // since it was asked for
  Clock::duration since_stacks{};  // gone: since `text`, its last stacks, was taken
  Clock::duration pause{};         // until the slot is filled again
  UniqueFd page;                   // gone: for the post-mortem
};

// Keeps the wanted number of workers alive: where the pure parts (worker_state,
// planner, respawn_policy) meet the Kernel. It adds few rules of its own:
// - a stuck worker that does not leave is killed after 5 s, or graceful_timeout if
// less;
// - a serving worker whose heartbeat stands still (heartbeat.h) counts as stuck;
// - a worker whose channel is at its end and that has not exited is killed after 2 s;
// - one that SIGKILL has not ended after 10 s is written off: it gives its place back.
//
// Owns no timer and no event source: after each call, call tick(), then ask
// next_wakeup() and call tick() at that moment at the latest. tick() is never wrong,
// only early. Single-threaded; master only.
class Pool {
 public:
  struct Slot {
    SlotView view;
    RespawnPolicy respawn{RespawnPolicy::Limits{}};
    Process process;
    std::size_t threads = 1;
    Clock::time_point asked_at{};
    Clock::time_point tell_at = Clock::time_point::max();  // again, to go
    Heartbeat heartbeat;
    Clock::time_point deadline = Clock::time_point::max();
    Clock::duration boot_timeout{};
    bool checking = false;       // makes its health check, which has its own deadline
    std::uint32_t starts = 0;    // processes asked for in this slot
    std::uint32_t failures = 0;  // of the processes in this slot, in a row
    bool asked_to_go = false;
    bool boot_failed = false;
    bool whole = false;  // ready, and found no part of the application broken
    std::int64_t retire = 0;
    State struck_in = State::vacant;
    Clock::duration complain_again{};  // from one complaint that it does not die
    std::string reason;                // why no process could be made, if none could
    std::string stacks;                // of its last slow request
    Clock::time_point stacks_at{};
  };

  Pool(Kernel& kernel, const PoolSettings& settings);

  // Another goal (reload). The slots' records of failures are cleared when the
  // generation changes.
  void aim(const PoolSettings& settings);
  void set_workers(std::size_t workers) { settings_.workers = workers; }
  // The same generation, kept in another way.
  void adjust(const PoolSettings& settings) {
    settings_ = settings;
    keep_budget();
  }

  // Starts one worker of another generation beside those of the goal, and keeps it. The
  // trial ends with end_trial(), which sends it away, or with aim() at its generation.
  void begin_trial(const PoolSettings& settings) { trial_ = settings; }
  void end_trial();

  // Takes over slots from a master before us; serials go on from `last_serial`.
  void resume(std::vector<Slot> slots, std::uint32_t last_serial) {
    slots_ = std::move(slots);
    last_serial_ = last_serial;
  }
  [[nodiscard]] std::uint32_t last_serial() const { return last_serial_; }

  // From a zygote: `forked` or `fork_failed`. From a worker: anything else. A frame
  // that does not match the process in the slot is dropped: it may outlive its sender.
  // `zygote`: its pid.
  void on_zygote_message(const wire::Message& message, int zygote);
  void on_zygote_gone(std::uint32_t generation);
  void on_message(std::size_t slot, std::uint32_t serial, const wire::Message& message);
  void on_hung_up(std::size_t slot, std::uint32_t serial);
  void on_pidfd(std::size_t slot, std::uint32_t serial);  // reaps if it has ended

  // Everybody leaves; nobody is left to take their connections. Quick: now.
  void stop(bool quick);
  // The code of its workers that start now is not wanted any more: when they are asked
  // to leave, nobody waits for an import that may never end.
  void withdraw(std::uint32_t generation) { withdrawn_ = generation; }
  void reopen_logs();
  // Workers of that generation import what one of them had to: lines of
  // master/fleet/learned.h that a trial has found good.
  void import_early(std::uint32_t generation, std::string_view lines);
  // The worker writes its Python stacks to `writer`, a stream socket, and closes its
  // copy. An Error: nobody is in the slot who could be told.
  Outcome request_stacks(std::size_t slot, int writer);
  // `zygote`: that of the goal's generation, ready to fork; nullptr: there is none now.
  // `trial_zygote`: likewise of the generation on trial.
  void tick(const Process* zygote, const Process* trial_zygote = nullptr);

  [[nodiscard]] Clock::time_point next_wakeup() const;
  [[nodiscard]] std::vector<News> take_news() { return std::exchange(news_, {}); }
  [[nodiscard]] const std::vector<Slot>& slots() const { return slots_; }
  [[nodiscard]] const PoolSettings& settings() const { return settings_; }
  [[nodiscard]] std::size_t serving() const;
  // No process, none expected. Those that SIGKILL does not end count as long as the
  // server does not stop: nobody can wait for them.
  [[nodiscard]] bool empty() const;
  // Workers that SIGKILL did not end, so that others stand in for them: `workers` at
  // most.
  [[nodiscard]] std::size_t written_off() const;
  [[nodiscard]] bool awaits_fork() const;  // some pid is still unknown
  // As many as wanted serve the goal's generation, and nobody answers for another.
  [[nodiscard]] bool took_over() const;
  [[nodiscard]] bool uses(std::uint32_t generation) const;

 private:
  [[nodiscard]] bool refuses_broken(const PoolSettings& settings) const;
  void have_others_look();
  void keep_budget();
  [[nodiscard]] Goal goal(bool can_start, bool can_try) const;
  [[nodiscard]] std::vector<SlotView> views() const;
  [[nodiscard]] News news_of(News::Kind kind, const Slot& slot) const;
  [[nodiscard]] wire::Frame frame_for(wire::Kind kind, const Slot& slot) const;
  // Whether the pid in `forked` can be the worker that the slot awaits.
  [[nodiscard]] Outcome check_pid(const Slot& slot, const wire::Frame& forked,
                                  int zygote) const;
  Slot* find(std::size_t slot, std::uint32_t serial);
  News& report(News::Kind kind, const Slot& slot) {
    return news_.emplace_back(news_of(kind, slot));
  }
  void start(std::size_t index, const Process& zygote, const PoolSettings& settings);
  void look_for_life(Slot& slot, Clock::time_point now);
  void deliver(Slot& slot, Event event);
  void perform(Slot& slot, Effect effect, State before, Event event);
  void adopt(Slot& slot, const wire::Frame& frame, int zygote);
  void unfork(Slot& slot, const Error& why);
  void ask_to_drain(Slot& slot, State before);
  void tell_to_go(Slot& slot);
  void kill(Slot& slot);
  void vacate(Slot& slot, bool failed);

  Kernel& kernel_;
  PoolSettings settings_;
  std::optional<PoolSettings> trial_;
  std::vector<Slot> slots_;
  std::vector<News> news_;
  std::uint32_t last_serial_ = 0;
  bool stopping_ = false;
  bool quick_ = false;
  std::uint32_t withdrawn_ = 0;  // a generation; 0: none
};

}  // namespace monodon::master

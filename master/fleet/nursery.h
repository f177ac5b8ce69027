// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/fleet/heartbeat.h"
#include "master/fleet/kernel.h"
#include "master/fleet/respawn_policy.h"

namespace monodon::master {

// What happened to a zygote.
struct ZygoteNews {
  enum class Kind : std::uint8_t {
    started,       // has a pid; imports now
    loaded,        // took `age`; value < 0: imported nothing, its workers do
    load_failed,   // value: wire::LoadFailure; text: the reason. It ends by itself
    warning,       // text: for the log
    shared_state,  // text: what the import has left; another one takes its place
    importable,    // text: lines of master/fleet/learned.h that are good
    broken,        // text: a part that cannot be imported; it is served all the same
    rehearsed,     // text: worker/wire/rehearsal.h
    not_started,   // no process: text says why
    overdue,       // boot_timeout struck: it was sent SIGKILL
    silent,        // it answered pings once, and does no longer: SIGKILL
    gone,          // reaped: death
    answer,        // forked or fork_failed, in `message`: for the pool
  };
  Kind kind{};
  std::uint32_t generation = 0;
  int pid = -1;
  std::int64_t value = 0;
  std::string text;
  Death death;
  bool loaded_before = false;  // this generation could be imported once
  bool expected = false;       // gone: it was told to quit, or said why it ends
  bool again = false;          // gone: another one starts, as it said shared_state
  Clock::duration age{};
  Clock::duration pause{};  // gone, not_started: until the next try; zero: none
  wire::Message message;
};

// Keeps one zygote for each generation that is wanted.
//
// A generation that was never imported gets one try: what that means (exit, or keep the
// old generation) is the caller's to decide. One that was imported before is started
// again for ever, with growing pauses: its workers serve on meanwhile.
//
// Like Pool: no timer and no event source of its own. Single-threaded; master only.
class Nursery {
 public:
  static constexpr std::string_view kSlowImport =
      "the import took longer than boot_timeout; the error log says where it was then";
  static constexpr Clock::duration kPingPeriod = std::chrono::seconds{3};

  struct Child {
    std::uint32_t generation = 0;
    ZygoteOrder order;
    Clock::duration boot_timeout{};  // of the import; zero: none
    RespawnPolicy respawn{RespawnPolicy::Limits{}};
    Process process;
    Clock::time_point asked_at{};
    Clock::time_point deadline = Clock::time_point::max();
    Clock::time_point may_start_at{};
    bool alive = false;
    bool shows_stacks = false;   // was asked where its import hangs, and is killed next
    bool loaded = false;         // this process is ready to fork
    bool loaded_before = false;  // some process of this generation was
    bool in_memory = true;       // it has imported the application
    bool wanted = true;
    bool expected_to_end = false;
    bool again = false;     // once it has ended, another one starts at once
    bool launched = false;  // some process of this generation was
    unsigned warnings = 0;  // of this process
    // Why none of this generation is ready to fork, if one was: of the process before
    // this one, or of this one once it is `failed`. One line.
    std::string failure;
    bool failed = false;
    // One that is ready to fork is asked for a sign of life, since nobody else would
    // notice before the next fork that it hangs.
    Heartbeat heartbeat{kPingPeriod};
    std::uint64_t answered = 0;     // pings, of this process
    bool asked_to_upgrade = false;  // and has not answered yet
  };

  explicit Nursery(Kernel& kernel) : kernel_{kernel} {}

  // Starts at once; what comes of it is told by take_news().
  void start(std::uint32_t generation, ZygoteOrder order, Clock::duration boot_timeout,
             RespawnPolicy::Limits respawn);
  // One that a master before us started, and that is ready to fork.
  void adopt(Child child);
  // No more workers of this generation are wanted. Forgotten when it is gone.
  // server_ends: it is the last to go, and its hooks may have something to do.
  void dismiss(std::uint32_t generation, bool server_ends = false);
  // A worker of that generation has ended: for the hooks of its configuration.
  void tell_end(std::uint32_t generation, std::uint32_t slot, std::uint32_t serial,
                int pid);
  // For the same hooks: another number of workers is wanted; another program is about
  // to take over, which waits until awaits_hooks() is over.
  void tell_workers(std::uint32_t generation, std::size_t now, std::size_t before);
  void tell_upgrade(std::uint32_t generation);
  [[nodiscard]] bool awaits_hooks() const;
  // Has a child of that zygote try which of those lines can be imported early.
  void judge_imports(std::uint32_t generation, std::string_view lines);
  // Has that zygote import lines that were found good: nobody who is forked from then
  // on needs the disk for them.
  void import_early(std::uint32_t generation, std::string_view lines);
  // ... which are there.
  static bool has_hooks(const Child& child) {
    return !child.order.boot.gunicorn_conf.empty();
  }
  // It does not answer: SIGKILL, and a new one if it is still wanted.
  void condemn(std::uint32_t generation,
               ZygoteNews::Kind why = ZygoteNews::Kind::overdue);

  void on_message(std::uint32_t generation, wire::Message message);
  void on_hung_up(std::uint32_t generation);
  void on_pidfd(std::uint32_t generation);
  // `serving`: of which workers serve. Its zygote, started again, refuses what is
  // broken: as long as they serve, nothing is gained by others that do not.
  void tick(std::uint32_t serving = 0);

  // Valid until the next call that is not const. nullptr: not ready to fork.
  [[nodiscard]] const Process* ready(std::uint32_t generation) const;
  // Whether the code of that generation is in the memory of its zygote. Otherwise its
  // workers import what is on the disk when they start.
  [[nodiscard]] bool in_memory(std::uint32_t generation) const;
  [[nodiscard]] const Child* find(std::uint32_t generation) const;
  [[nodiscard]] bool dismissing() const;  // some zygote is on its way out
  [[nodiscard]] bool empty() const { return children_.empty(); }
  [[nodiscard]] const std::list<Child>& children() const { return children_; }
  [[nodiscard]] Clock::time_point next_wakeup() const;
  [[nodiscard]] std::vector<ZygoteNews> take_news();

 private:
  Child* find(std::uint32_t generation);
  ZygoteNews& report(ZygoteNews::Kind kind, const Child& child);
  void launch(Child& child, std::uint32_t serving);
  static void note_failure(Child& child, std::string_view why);
  void decide_hooks(Child& child);
  [[nodiscard]] std::uint32_t hooks_elsewhere(const Child& than) const;
  void pass_hooks_on(Child& child);
  bool shows_stacks_first(Child& child);
  void look_after(Child& child);
  void rest(Child& child);

  Kernel& kernel_;
  std::list<Child> children_;  // addresses stay: the pool keeps one of a Process
  std::vector<ZygoteNews> news_;
};

}  // namespace monodon::master

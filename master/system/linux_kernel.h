// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "master/fleet/kernel.h"
#include "master/system/oom_watch.h"
#include "master/system/spare_interpreter.h"

namespace monodon::master {

// The real Kernel: the only file of the master that starts, signals or reaps processes.
// One thread; nothing here blocks but for the exec of a zygote.
class LinuxKernel : public Kernel {
 public:
  Result<Process> start_zygote(const ZygoteOrder& order) override;
  Result<Process> ask_for_worker(const Process& zygote, const wire::Frame& order,
                                 std::size_t threads) override;
  Result<UniqueFd> adopt(int pid) override;
  [[nodiscard]] Outcome check_worker(const wire::Frame& forked, int zygote,
                                     Clock::time_point ordered) const override;
  Outcome tell(const Process& process, const wire::Frame& frame,
               std::span<const int> fds, std::string_view text) override;
  [[nodiscard]] bool lacks_its_directory(const Process& process) const override;
  void ask_for_stacks(const Process& process) override;
  Outcome kill(const Process& process) override;
  [[nodiscard]] Rumour listen(const Process& process,
                              std::size_t threads) const override;
  [[nodiscard]] std::vector<Sighting> sightings(const Process& process,
                                                std::size_t threads) const override;
  std::optional<Death> reap(const Process& process) override;
  [[nodiscard]] bool is_short_of_memory() override;
  [[nodiscard]] Clock::time_point now() const override { return Clock::now(); }

  // At least once a second: takes notice of whom the OOM killer has killed.
  void look_around() { oom_.look(now()); }

  // Starts a program of ours with its channel, the exporter or the watcher, and with
  // `more` (if not -1) as the descriptor after it; it has a pid at once.
  Result<Process> start_helper(const std::vector<std::string>& argv,
                               const std::vector<std::string>& environment,
                               int more = -1);
  // Starts an interpreter ahead of the next zygote, if that is likely to be like the
  // last one, and not the process of a gunicorn.conf.py. Any number of times.
  void keep_spare();
  void drop_spare() { spare_.drop(); }
  [[nodiscard]] int spare_pid() const { return spare_.pid(); }

  // Zygotes that are started from now on get it as worker::kModulesFd.
  void tell_modules_to(UniqueFd pipe) { modules_ = std::move(pipe); }

  // Reaps children that are not in `known`: orphans of the application that came to us,
  // the subreaper. Stops at a known one that has ended and is not reaped yet; call
  // again when it is. Must not be called while a zygote owes the pid of a worker: a
  // worker that died at once would be taken for a stranger. Returns how many.
  static int reap_strangers(std::span<const int> known);

  // SIGKILL for what is left of the application when its last worker is gone: children
  // but those `spared`, then the orphans that come to us from them, until there are
  // none. One that the kernel cannot end within a second is left. Returns how many
  // ended. Finds them in /proc/PID/task/TID/children (proc(5)); without that file,
  // none.
  static int end_strangers(std::span<const int> spared);

 private:
  // A child that was there before the worker of that serial was asked for.
  struct Older {
    int pid = 0;
    std::uint32_t serial = 0;
  };

  Result<Process> start_interpreter(const ZygoteOrder& order);
  void note_start(const Result<Process>& spawned);
  void note_children(std::uint32_t serial);

  OomWatch oom_;
  UniqueFd modules_;
  SpareInterpreter spare_;
  std::optional<SpareInterpreter::Order> last_;  // how a zygote was started
  std::vector<int> started_;  // pids of zygotes and helpers, not reaped yet
  std::vector<Older> older_;  // each child that there was at the last order
};

// Tries the system calls that there is no other way for.
Outcome check_kernel();

// Makes this process the parent of its orphaned descendants (prctl(2),
// PR_SET_CHILD_SUBREAPER) and closes its memory to others of the same user
// (PR_SET_DUMPABLE). Throws std::system_error.
void become_master();

}  // namespace monodon::master

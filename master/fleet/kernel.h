// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/net/guarded_socket.h"
#include "base/process/spawn_with_channel.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/wire/boot.h"
#include "worker/wire/wire.h"

namespace monodon::master {

inline constexpr auto kNever = Clock::time_point::max();

// A child of the master: zygote or worker. Signalled and reaped through the pidfd only,
// so that a reused pid can never be hit; `pid` is for people.
struct Process {
  UniqueFd pidfd;         // empty until the pid is known
  GuardedSocket channel;  // our end, worker/wire/wire.h; empty after end of file
  UniqueFd page;          // workers: the scoreboard page, read-only
  int pid = -1;
  std::uint32_t serial = 0;  // 0: a zygote
};

// How a process ended, from waitid(2).
struct Death {
  bool by_signal = false;
  bool core_dumped = false;
  int code = 0;                  // signal number or exit status
  std::uint64_t cpu_us = 0;      // processor time, with that of its children
  bool out_of_memory = false;    // SIGKILL, and the kernel's OOM killer accounts for it
  std::uint64_t peak_bytes = 0;  // resident at most; 0: not known
  std::uint64_t memory_limit = 0;  // bytes, of all together; 0: not known, or none
};

// What was answered, and how much of it with 5xx.
struct Traffic {
  std::uint64_t answers = 0;
  std::uint64_t errors = 0;
};

// What a worker's page says, as far as anybody here listens. A rumour: a heartbeat that
// changes is a sign of life, `busy` says who is better asked to leave later, and the
// answers are compared before a new generation is committed.
struct Rumour {
  std::uint64_t heartbeat = 0;  // 0: none yet, or unreadable
  bool busy = false;            // runs a request
  Traffic traffic;
};

// A path that clients asked for, and hashes of the first different ones that did.
struct Sighting {
  std::string target;  // "http://host/path"
  std::vector<std::uint64_t> clients;
  std::uint64_t seen_ns = 0;
};

// What it takes to start a zygote.
struct ZygoteOrder {
  std::vector<std::string> argv;         // argv[0] is the path that is executed
  std::vector<std::string> environment;  // complete, "KEY=value"
  worker::Boot boot;
  // The process that has run the gunicorn.conf.py, for the first zygote of this order;
  // it gets `fds` as `numbers`. Empty: there is none. Returns nothing if it is not fit.
  std::function<std::optional<SpawnedChild>(std::vector<int> fds,
                                            std::vector<int> numbers)>
      take_process;
  std::vector<int> fds;  // of the boot message: handoff send, receive, listeners
};

// All the ways in which pool and nursery touch the operating system. Small on purpose:
// a method is added when one of them needs it, not when Linux has it.
//
// LinuxKernel is the real one; the tests have a toy operating system in memory.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // Starts a zygote and sends it its boot message. The process has a pid at once.
  virtual Result<Process> start_zygote(const ZygoteOrder& order) = 0;

  // Makes page and channel of a new worker and asks the zygote behind `zygote` for it.
  // The process has no pid until the zygote answers `forked`.
  virtual Result<Process> ask_for_worker(const Process& zygote,
                                         const wire::Frame& order,
                                         std::size_t threads) = 0;

  // A pidfd for `pid` if it is our own child (dead or alive, not reaped). ECHILD: a
  // stranger's.
  virtual Result<UniqueFd> adopt(int pid) = 0;

  // Fails, saying why, unless the pid in `forked` can be what that zygote forked for an
  // order of that time: in its session or one of its own, not older than the order, and
  // nothing that we started ourselves. A zygote imports the application, so its word
  // alone is not enough: a worker is killed when it is late.
  [[nodiscard]] virtual Outcome check_worker(const wire::Frame& forked, int zygote,
                                             Clock::time_point ordered) const = 0;

  // EAGAIN: it does not read; EPIPE: it is dead. Neither needs an answer here.
  virtual Outcome tell(const Process& process, const wire::Frame& frame,
                       std::span<const int> fds = {}, std::string_view text = {}) = 0;

  // Whether the directory that it works in has been removed.
  [[nodiscard]] virtual bool lacks_its_directory(const Process& process) const = 0;

  // A zygote that imports writes to its standard error where it is, within an instant;
  // one that is stuck in the kernel does not. SIGKILL has to follow.
  virtual void ask_for_stacks(const Process& process) = 0;

  // SIGKILL. Succeeds also if the process is dead and not reaped.
  virtual Outcome kill(const Process& process) = 0;

  [[nodiscard]] virtual Rumour listen(const Process& process,
                                      std::size_t threads) const = 0;

  // What clients asked this worker for lately. A rumour, too.
  [[nodiscard]] virtual std::vector<Sighting> sightings(const Process& process,
                                                        std::size_t threads) const = 0;

  // Reaps it if it has ended.
  virtual std::optional<Death> reap(const Process& process) = 0;

  // So little memory is left to all of us (the cgroup's limit) that what nobody needs
  // should go.
  [[nodiscard]] virtual bool is_short_of_memory() = 0;

  [[nodiscard]] virtual Clock::time_point now() const = 0;
};

}  // namespace monodon::master

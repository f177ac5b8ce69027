// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "base/result.h"
#include "master/fleet/fleet.h"
#include "master/system/event_loop.h"

namespace monodon::master {

// Watches the channel and the pidfd of each worker and zygote, hands what comes to pool
// and nursery, and reaps orphans of the application, whose subreaper the master is.
// Master only, in its loop.
class ProcessWatch {
 public:
  ProcessWatch(EventLoop& loop, Fleet& fleet) : loop_{loop}, fleet_{fleet} {}

  // Once per turn of the loop, after the fleet has acted: what left is watched no more,
  // what came is watched from now on.
  void sync();
  // Some child ended that may be nobody's: SIGCHLD, or what an earlier program left.
  void suspect_strangers() { sweep_ = true; }
  // Reaps them. `helpers`: pids of our own programs, or -1; they are no strangers.
  void reap_strangers(std::span<const int> helpers);

 private:
  // The two descriptors of a child that the loop watches.
  struct Watch {
    EventLoop::OnIo channel;
    EventLoop::OnIo pidfd;
    bool seen = false;
  };

  void watch_worker(std::size_t index, const Pool::Slot& slot);
  void watch_zygote(const Nursery::Child& child);
  Result<Watch> watch_process(const Process& process,
                              EventLoop::OnIo::Handler on_message,
                              EventLoop::OnIo::Handler on_death);
  void read_worker(std::size_t index, std::uint32_t serial);
  void read_zygote(std::uint32_t generation);

  EventLoop& loop_;
  Fleet& fleet_;
  std::map<std::uint32_t, Watch> workers_;  // by serial
  std::map<int, Watch> zygotes_;            // by pid
  bool sweep_ = false;
};

}  // namespace monodon::master

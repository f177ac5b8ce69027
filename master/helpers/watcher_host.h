// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "master/config/load.h"
#include "master/fleet/respawn_policy.h"
#include "master/system/event_loop.h"
#include "master/system/linux_kernel.h"

namespace monodon::master {

// Keeps the watcher of `reload` running (cli/watch), a process of its own: looking at
// files may wait for a disk, which the master never does. What it says is a rumour: at
// most, a reload too many. Master only, in its loop.
class WatcherHost {
 public:
  using OnChange = std::function<void(std::string_view what)>;

  WatcherHost(LinuxKernel& kernel, EventLoop& loop, OnChange changed)
      : kernel_{kernel}, loop_{loop}, changed_{std::move(changed)} {}

  // Once, before run(): nothing happens without `reload`.
  void use(const LoadedConfig& config);

  // Once per turn of the loop.
  void tick();
  [[nodiscard]] Clock::time_point next_wakeup() const;
  [[nodiscard]] int pid() const { return process_.pid; }  // -1: none

 private:
  void start();
  void listen();
  void bury();

  LinuxKernel& kernel_;
  EventLoop& loop_;
  OnChange changed_;
  std::vector<std::string> argv_;  // empty: there is nothing to watch
  UniqueFd modules_;               // what processes of the application tell
  RespawnPolicy respawn_{{}};
  Process process_;
  EventLoop::OnIo message_;
  EventLoop::OnIo death_;
  Clock::time_point started_at_{};
  Clock::time_point may_start_at_{};
  bool ended_ = false;
  std::int64_t unwatched_since_ = 0;  // ns of the system's clock; 0: it was never so
};

// What the watcher is started with. Pure but for the links in the paths.
std::vector<std::string> watcher_arguments(const LoadedConfig& config);

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "master/chronicle/chronicle.h"
#include "master/config/settings.h"
#include "master/fleet/heartbeat.h"
#include "master/fleet/pool.h"
#include "master/fleet/respawn_policy.h"
#include "master/reload/reload_book.h"
#include "master/system/event_loop.h"
#include "master/system/linux_kernel.h"
#include "master/system/listeners.h"
#include "metrics/observation/channel.h"

namespace monodon::master {

// What the exporter shall know of these settings. Pure.
metrics::Facts exporter_facts(const Settings& settings,
                              std::vector<metrics::ListenerFacts> listeners);

// Keeps the exporter (metrics/exporter.h) running and tells it of every worker's page.
// Nothing that goes wrong here is a reason to stop serving: a port that is taken is
// tried again, an exporter that ends is started again after growing pauses; one that
// hangs is killed, and left to itself if it does not die of that. The master keeps the
// listener, so that nobody is refused meanwhile. What the exporter asks for is a rumour
// like a worker's: a number, at most one in each kStacksPause. Master only, in its
// loop.
class ExporterHost {
 public:
  static constexpr std::chrono::milliseconds kStacksPause{200};
  // A stream that ends with the stacks of the worker in that slot.
  using Stacks = std::function<Result<UniqueFd>(std::size_t slot)>;

  // `given`: the socket that systemd names "metrics"; else `address` is bound, unless
  // it is "" or "off".
  ExporterHost(LinuxKernel& kernel, EventLoop& loop, std::optional<Listener> given,
               std::string address, Stacks stacks);
  ~ExporterHost();
  ExporterHost(const ExporterHost&) = delete;
  ExporterHost& operator=(const ExporterHost&) = delete;

  // What it shall know from now on; nothing is started before the first call.
  void inform(metrics::Facts facts);

  // Once per turn of the loop, after the board was published: starts it, reaps it,
  // passes on what is new.
  void tick(const std::vector<Pool::Slot>& slots, Chronicle& chronicle,
            const ReloadBook& book);

  [[nodiscard]] Clock::time_point next_wakeup() const;
  // At the end: closes its channel, and waits a moment for it, so that systemd finds
  // nobody left to kill.
  void dismiss();
  // -1: none
  [[nodiscard]] int listener() const {
    return listener_.empty() ? -1 : listener_[0].fd.get();
  }
  [[nodiscard]] int pid() const { return process_.pid; }  // -1: none

 private:
  void bind();
  void start(Chronicle& chronicle);
  void bury();
  Outcome watch(const Process& process);
  void hear();
  void answer(std::uint32_t slot);
  void look_for_life();
  void leave_alone();
  void rest(Clock::time_point started);
  void tell_facts(int board_fd);
  void tell_reload(const ReloadBook& book);
  void pass_pages(const std::vector<Pool::Slot>& slots);

  LinuxKernel& kernel_;
  EventLoop& loop_;
  std::string address_;
  Stacks stacks_;
  std::vector<Listener> listener_;  // one or none
  std::optional<metrics::Facts> facts_;
  RespawnPolicy respawn_;
  Process process_;
  EventLoop::OnIo death_;
  EventLoop::OnIo request_;
  Clock::time_point stacks_at_{};    // were sent last
  std::uint64_t told_revision_ = 0;  // of the book; 0: nothing was told
  Clock::time_point started_at_{};
  Clock::time_point may_start_at_{};
  Clock::time_point tell_at_ = Clock::time_point::max();  // again: it did not read
  Heartbeat heartbeat_;
  std::uint64_t beats_ = 1;  // packets that it had read, when they were looked for
  bool killed_ = false;      // it was silent, and was sent SIGKILL
  std::vector<std::uint32_t> told_;  // serial of the page that it has, by slot
  bool ended_ = false;
  bool introduced_ = false;   // it has board and listener
  bool facts_told_ = false;   // as they are now
  bool bind_failed_ = false;  // and that was said
};

}  // namespace monodon::master

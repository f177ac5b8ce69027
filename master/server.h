// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/process/terminal_state.h"
#include "master/chronicle/chronicle.h"
#include "master/handover/fd_store.h"
#include "master/handover/handoff_watch.h"
#include "master/handover/listener_watch.h"
#include "master/handover/testament.h"
#include "master/helpers/exporter_host.h"
#include "master/helpers/process_watch.h"
#include "master/helpers/watcher_host.h"
#include "master/reload/reload_desk.h"
#include "master/system/control_socket.h"
#include "master/system/event_loop.h"
#include "master/system/linux_kernel.h"
#include "master/system/log_keeper.h"
#include "master/system/notify.h"

namespace monodon::master {

// Connects the loop, the fleet, systemd and the control socket. It has few rules of its
// own; in each turn of the loop it carries out what the events mean: fleet, log, board,
// watches, notifications, timer, in this order.
//
//   TERM         graceful stop: workers finish their requests, at most graceful_timeout
//   INT, QUIT    quick stop
//   HUP          reload: a new generation from the configuration as it is now; quick
//                stop in development, where the terminal sends it that is closed
//   TTIN, TTOU   one worker more or less (at least 1), until the next reload
//   USR1         opens the log files anew, in every process
//   USR2         upgrade: becomes the program that is on disk now, in the same process
//   WINCH        workers leave gracefully, the master stays (HUP or TTIN bring them
//                back); ignored with a terminal, which sends it when it is resized
class Server {
 public:
  Server(LoadedConfig config, scoreboard::Board board, Estate estate,
         ControlServer control, std::optional<Listener> metrics);

  // Before run(): goes on where the program before this one was
  // (master/handover/testament.h).
  void resume(const Testament& testament);

  // Until the last worker is gone. Returns the exit status (master/serve.h).
  int run();
  // Before run(): who makes log files anew that this process may not make.
  void use(LogKeeper keeper) { log_keeper_ = std::move(keeper); }

 private:
  [[nodiscard]] const Settings& settings() const { return desk_.config().settings; }

  void watch_signals();
  void turn();
  void heed_news();
  void keep_page(const News& news) const;
  void fail_start(int status, std::string_view why);
  void files_changed(std::string_view what);
  [[nodiscard]] std::array<int, 4> helpers() const {
    return {exporter_.pid(), watcher_.pid(), desk_.file_pid(), kernel_.spare_pid()};
  }
  [[nodiscard]] bool wants_spare() const;
  void tell_systemd(Clock::time_point now);
  void arm_timer(Clock::time_point now);

  void stop(bool quick);
  [[nodiscard]] bool stops() const { return fleet_.stopping() || stop_at_; }
  void change_workers(int by);
  void set_workers(std::size_t wanted);  // 1 or more
  void rest_workers();
  void make_log_files();
  void reopen_logs();
  void inform_exporter();
  // Asks the program on disk and, if it can, becomes it as soon as nothing is under
  // way.
  Outcome upgrade();
  void make_way();
  void become_successor();
  ControlReply answer(std::string_view line, ControlClient client);
  ControlReply scale(const nlohmann::json& request);
  ControlReply stacks_reply(const nlohmann::json& request);
  Result<UniqueFd> stacks_of(std::size_t slot);

  Estate estate_;
  LinuxKernel kernel_;
  Fleet fleet_;
  Chronicle chronicle_;
  Notifier notifier_;
  EventLoop loop_;
  ControlServer control_;
  ReloadDesk desk_;
  ExporterHost exporter_;
  WatcherHost watcher_;
  ProcessWatch watch_;
  HandoffWatch handoff_{kernel_, loop_, estate_};
  ListenerWatch listeners_{loop_, *estate_.listeners};
  std::vector<EventLoop::OnSignal> signals_;
  EventLoop::OnTime timer_;
  Clock::time_point next_extension_{};
  std::optional<Clock::time_point> stop_at_;  // told to stop, and in stop_delay
  bool ever_served_ = false;
  std::size_t alive_told_ = 0;  // workers, to statsd
  std::string successor_;       // a program that will take our place; "" if none
  bool hooks_told_ = false;     // of that
  LogKeeper log_keeper_;
  std::uint32_t upgrades_ = 0;
  TerminalState terminal_;     // with `development`: as it was at the start
  std::string start_failure_;  // for STATUS=, when nothing was ever served
  int status_ = 0;
};

}  // namespace monodon::master

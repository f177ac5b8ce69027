// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "master/chronicle.h"
#include "master/config/load.h"
#include "master/exporter_host.h"
#include "master/handover/fd_store.h"
#include "master/handover/testament.h"
#include "master/proposal.h"
#include "master/reload_clients.h"
#include "master/system/control_socket.h"
#include "master/system/event_loop.h"
#include "master/system/linux_kernel.h"
#include "master/system/notify.h"

namespace monodon::master {

// Connects the loop, the fleet, systemd and the control socket. It has few rules of its
// own; in each turn of the loop it carries out what the events mean: fleet, log, board,
// watches, notifications, timer, in this order.
//
//   TERM         graceful stop: workers finish their requests, at most graceful_timeout
//   INT, QUIT    quick stop
//   HUP          reload: a new generation from the configuration as it is now
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

 private:
  // The two descriptors of a child that the loop watches.
  struct Watch {
    EventLoop::OnIo channel;
    EventLoop::OnIo pidfd;
    bool seen = false;
  };

  // What a reload that failed is told to have failed of.
  struct Failure {
    std::string outcome;
    std::uint32_t generation = 0;
    std::string reason;
  };

  void watch_signals();
  void turn();
  void heed_news();
  void keep_page(const News& news) const;
  void heed(const FleetNews& news);
  void fail_start(int status);
  void sync_watches();
  void watch_worker(std::size_t index, const Pool::Slot& slot);
  void watch_zygote(const Nursery::Child& child);
  Result<Watch> watch_process(const Process& process,
                              EventLoop::OnIo::Handler on_message,
                              EventLoop::OnIo::Handler on_death);
  void read_worker(std::size_t index, std::uint32_t serial);
  void read_zygote(std::uint32_t generation);
  void reap_strangers();
  void tell_systemd(Clock::time_point now);
  void arm_timer(Clock::time_point now);

  void stop(bool quick);
  void reload();
  // Asks the program on disk and, if it can, becomes it as soon as nothing is under
  // way.
  Outcome upgrade();
  void become_successor();
  void begin_reload();
  void use_live_settings(const LoadedConfig& config);
  bool propose(LoadedConfig config);
  void on_committed(std::uint32_t generation);
  void tell_step(std::uint32_t generation, std::string_view text);
  void tell_worker(const News& news);
  void fail_reload();
  void end_reload();
  void change_workers(int by);
  void rest_workers();
  void inform_exporter();
  void reopen_logs();
  ControlReply answer(std::string_view line, ControlClient client);
  ControlReply status_reply() const;
  ControlReply stacks_reply(const nlohmann::json& request);

  LoadedConfig config_;     // of the generation that serves
  LoadedConfig candidate_;  // of the one that a reload brings in
  Estate estate_;
  LinuxKernel kernel_;
  Fleet fleet_;
  Chronicle chronicle_;
  Notifier notifier_;
  EventLoop loop_;
  ControlServer control_;
  ExporterHost exporter_;
  ReloadClients reload_clients_{control_};
  Failure failure_;  // of the present reload
  std::vector<EventLoop::OnSignal> signals_;
  EventLoop::OnTime timer_;
  std::map<std::uint32_t, Watch> worker_watches_;  // by serial
  std::map<int, Watch> zygote_watches_;            // by pid
  Clock::time_point reload_began_{};
  Clock::time_point next_extension_{};
  bool sweep_ = false;  // some child ended that may be a stranger
  bool reload_queued_ = false;
  bool reloading_ = false;    // systemd was told so
  bool reload_over_ = false;  // READY follows when the last zygote has left
  bool ever_served_ = false;
  std::string successor_;  // a program that will take our place; "" if none
  std::uint32_t upgrades_ = 0;
  int status_ = 0;
};

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "master/chronicle/chronicle.h"
#include "master/config/load.h"
#include "master/config/spool_choice.h"
#include "master/fleet/fleet.h"
#include "master/handover/estate.h"
#include "master/reload/reload_book.h"
#include "master/reload/reload_clients.h"
#include "master/system/event_loop.h"
#include "master/system/notify.h"

namespace monodon::master {

// A reload from the request for it to its end: reads the configuration, proposes the
// new generation, and tells log, systemd and waiting clients how it goes. The rules of
// the roll are Fleet's. Master only, in its loop; everything given must outlive it.
class ReloadDesk {
 public:
  struct Hooks {
    std::function<void()> committed;  // config() is the new one by now
    // Nothing was ever served: a wire::LoadFailure or 0, and why.
    std::function<void(int, std::string_view)> start_failed;
    std::function<Clock::time_point()> clock;  // now
  };

  // `config`: of the first generation, or of the one that an upgrade goes on from.
  ReloadDesk(LoadedConfig config, Fleet& fleet, Chronicle& chronicle,
             Notifier& notifier, ControlServer& control, const Estate& estate,
             EventLoop& loop, Hooks hooks);

  // Of the generation that serves; before there is one, of the first.
  [[nodiscard]] const LoadedConfig& config() const { return config_; }
  // That the code which was committed last is not what serves, and why; "" if it is.
  [[nodiscard]] const std::string& fell_back() const { return fell_back_; }
  // How the present reload goes and how the last one ended.
  [[nodiscard]] const ReloadBook& book() const { return book_; }
  // systemd was told of a reload and not yet of its end.
  [[nodiscard]] bool under_way() const { return phase_ != Phase::idle; }
  // What runs the gunicorn.conf.py of a reload that begins; -1: nothing.
  [[nodiscard]] int file_pid() const;
  // Another reload follows the one that is under way.
  [[nodiscard]] bool queued() const { return queued_; }

  // The first generation. False: it cannot even be drafted, which has been told.
  bool start();
  // A reload, now or after the one under way; several that are asked for meanwhile are
  // one. Nothing while the server stops.
  // `rehearse`: false leaves the rehearsal out of the next reload that begins.
  void ask(bool rehearse = true);
  // `client` waits for the end of the next reload that begins.
  void add(ControlClient client) { clients_.add(client, present()); }
  // The server stops: whoever waits is told.
  void stop();
  // Once per turn of the loop: goes on once a gunicorn.conf.py has come to its end.
  void tick();

  void heed(const FleetNews& news);
  void tell_worker(const News& news);
  // Once per turn of the loop: READY=1 when the zygotes that are not needed have left.
  void finish();

 private:
  enum class Phase : std::uint8_t {
    idle,
    running,  // RELOADING=1 was sent
    ending,   // decided; old zygotes still leave
  };

  // What a reload that failed is told to have failed of.
  struct Failure {
    std::string outcome;
    std::uint32_t generation = 0;
    std::string reason;
  };

  [[nodiscard]] bool busy() const { return file_.run || fleet_.busy(); }
  // The reload under way, for people; "": none is.
  [[nodiscard]] std::string present() const;
  void begin();
  void go_on(ConfigResult result);
  void use_live_settings(const LoadedConfig& config);
  bool propose(LoadedConfig config);
  void tell_spool(const SpoolChoice& spool);
  void on_refused(const FleetNews& news);
  void on_committed(std::uint32_t generation);
  void on_fell_back(const FleetNews& news);
  void use(LoadedConfig config, bool reopen_log);
  void tell_step(std::uint32_t generation, std::string_view text);
  void give_up_waiting(const News& gone);
  void fail();
  void end();

  const Settings started_;  // what needs a restart is as it is here
  LoadedConfig config_;     // of the generation that serves
  LoadedConfig candidate_;  // of the one that a reload brings in
  LoadedConfig before_;     // of the one that can come back
  std::string fell_back_;   // what happened to the code that was committed last
  Fleet& fleet_;
  Chronicle& chronicle_;
  Notifier& notifier_;
  const Estate& estate_;
  Hooks hooks_;
  EventLoop& loop_;
  ReloadClients clients_;
  ReloadBook book_;
  BegunFile file_;  // that is run: a reload begins
  EventLoop::OnIo file_over_;
  Clock::time_point file_deadline_{};
  Failure failure_;         // of the present reload
  std::string spool_told_;  // the last sentence about it
  Clock::time_point began_{};
  Phase phase_ = Phase::idle;
  bool queued_ = false;
  bool stopped_ = false;  // the server stops, now or after stop_delay
  bool rehearse_ = true;  // in the next reload
};

}  // namespace monodon::master

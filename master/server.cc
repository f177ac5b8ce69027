// SPDX-License-Identifier: Apache-2.0
// A turn of the master's loop, and another program in the same process.
#include "master/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log/log.h"
#include "base/net/statsd.h"
#include "base/process/close_elsewhere.h"
#include "base/text/escape.h"
#include "base/version.h"
#include "master/failed_start.h"
#include "master/handover/upgrade.h"
#include "master/reload/proposal.h"
#include "worker/wire/wire.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr auto kExtension = 20s;       // asked of systemd each time
constexpr auto kExtensionPeriod = 5s;  // while it is needed

}  // namespace

Server::Server(LoadedConfig config, scoreboard::Board board, Estate estate,
               ControlServer control, std::optional<Listener> metrics)
    : estate_{estate},
      fleet_{kernel_},
      chronicle_{std::move(board)},
      control_{std::move(control)},
      desk_{std::move(config),
            fleet_,
            chronicle_,
            notifier_,
            control_,
            estate_,
            loop_,
            {.committed =
                 [this] {
                   inform_exporter();
                   make_log_files();  // which the desk opens next
                 },
             .start_failed = [this](int status,
                                    std::string_view why) { fail_start(status, why); },
             .clock = [this] { return kernel_.now(); }}},
      exporter_{kernel_, loop_, std::move(metrics), settings().metrics_bind,
                [this](std::size_t slot) { return stacks_of(slot); }},
      watcher_{kernel_, loop_, [this](std::string_view what) { files_changed(what); }},
      watch_{loop_, fleet_} {
  inform_exporter();
  chronicle_.use(settings().worker);
  timer_ = loop_.on_time([] {});  // the turn that follows does the work
  loop_.on_turn([this] { turn(); });
  watch_signals();
  watcher_.use(desk_.config());
  if (settings().worker.development) terminal_.save();
  control_.attach(loop_, [this](std::string_view line, ControlClient client) {
    return answer(line, client);
  });
}

int Server::run() {
  // After an upgrade the workers are replaced by those of the new program.
  if (upgrades_ == 0) {
    notifier_.status(status_text({}));
    if (!desk_.start()) {
      notifier_.status(start_failure_);
      return status_;
    }
  } else {
    desk_.ask();
  }
  loop_.run();
  exporter_.dismiss();
  kernel_.drop_spare();
  // systemd leaves this to us (KillMode=process), or workers could not outlive a master
  // that dies.
  if (const int count = LinuxKernel::end_strangers(helpers()); count > 0)
    log::info(fmt::format("killed {} {} that the application had left running", count,
                          count == 1 ? "process" : "processes"));
  log::info("stopped", {log::Id::server_stopped});
  return status_;
}

void Server::turn() {
  const Clock::time_point now = kernel_.now();
  if (stop_at_ && now >= *stop_at_) stop(false);
  desk_.tick();
  fleet_.tick();
  heed_news();
  watch_.sync();
  watch_.reap_strangers(helpers());
  control_.tidy();
  kernel_.look_around();
  chronicle_.publish(fleet_, now);
  exporter_.tick(fleet_.pool().slots(), chronicle_, desk_.book());
  watcher_.tick();
  handoff_.tick(fleet_.nursery().children());
  carry_out_closing();
  tell_systemd(now);
  if (wants_spare()) kernel_.keep_spare();
  arm_timer(now);
  if (fleet_.stopping() && fleet_.empty()) loop_.stop();
  if (!successor_.empty() && fleet_.at_rest() && !desk_.under_way() && !desk_.queued())
    make_way();
}

// For the next edit, which may come as soon as this one is served: beside its first
// worker, which imports the application in development, but not before.
bool Server::wants_spare() const {
  const ReloadStep step = fleet_.reload().step;
  const bool begins = step == ReloadStep::importing || step == ReloadStep::rehearsing;
  return settings().worker.reload && !stops() && !begins &&
         (ever_served_ || !start_failure_.empty());
}

void Server::heed_news() {
  for (const ZygoteNews& news : fleet_.take_zygote_news()) {
    chronicle_.note(news);
    if (news.kind == ZygoteNews::Kind::shared_state) inform_exporter();
  }
  for (News& news : fleet_.take_worker_news()) {
    // There is no next try: it stops, or waits for a change.
    if (!start_failure_.empty()) news.pause = {};
    chronicle_.note(news);
    if (estate_.stored) keep_page(news);
    desk_.tell_worker(news);
    // It may have been in pdb.
    if (news.kind == News::Kind::gone) terminal_.restore();
    if (news.kind == News::Kind::ready && !std::exchange(ever_served_, true))
      notifier_.ready();
    if (news.kind == News::Kind::boot_failed && !ever_served_)
      fail_start(static_cast<int>(news.value), news.text);
  }
  for (const FleetNews& news : fleet_.take_news()) desk_.heed(news);
}

void Server::keep_page(const News& news) const {
  scoreboard::LastPage page{news.slot, news.serial, -1};
  if (news.kind == News::Kind::gone) forget_page(page);
  if (news.kind != News::Kind::started) return;
  const Process& process = fleet_.pool().slots().at(news.slot).process;
  page.memfd = process.page.get();
  if (process.serial == news.serial && page.memfd >= 0) store_page(page);
}

// Nothing was ever served: there is nothing to keep, and the reason is in the log.
void Server::fail_start(int status, std::string_view why) {
  if (start_failure_.empty()) tell_failed_start(why);
  // With a watcher somebody is at the keyboard: the next edit may be the cure.
  if (settings().worker.reload) {
    if (start_failure_.empty()) log::info("waiting for a change of the files");
    start_failure_ = failed_start_text(why);
    fleet_.set_workers(0);
    return;
  }
  start_failure_ = failed_start_text(why);
  const bool known = status == static_cast<int>(wire::LoadFailure::import_error) ||
                     status == static_cast<int>(wire::LoadFailure::no_such_attribute);
  status_ = known ? status : 1;
  stop(true);
}

void Server::files_changed(std::string_view what) {
  if (stops()) return;
  std::string text;
  append_printable(text, what);
  log::info(text + (what.find(" other files") != std::string_view::npos ||
                            what.ends_with(" another file")
                        ? " have changed"
                        : " has changed"),
            {log::Id::reload_begun});
  start_failure_.clear();
  // An import that hangs, or takes long, must not keep the edit waiting that mends it.
  fleet_.withdraw("its files have changed since");
  heed_news();  // it is over before the next one begins
  desk_.ask();
}

void Server::tell_systemd(Clock::time_point now) {
  Situation s;
  s.workers = fleet_.workers();
  s.generation = fleet_.generation();
  s.step = fleet_.reload().step;
  s.reload = fleet_.reload().generation;
  s.fell_back = desk_.fell_back();
  s.stopping = stops();
  if (stop_at_) s.stops_in = *stop_at_ - now;
  s.failure = start_failure_;
  for (const auto& slot : fleet_.pool().slots()) {
    const bool serves = slot.view.state == State::serving;
    s.serving += serves;
    s.serving_current += serves && slot.view.generation == s.generation;
    s.alive += slot.process.pid > 0;
    s.resting += slot.view.state == State::vacant && slot.view.may_start_at > now;
  }
  // Gunicorn's counts after it has started those that are missing, and never at its
  // end.
  if (s.alive != 0 && std::exchange(alive_told_, s.alive) != s.alive)
    statsd::gauge("gunicorn.workers", s.alive);
  notifier_.repeat();
  notifier_.status(status_text(s));
  notifier_.beat(now);
  // What may take long and has a deadline of our own must not meet one of systemd's.
  desk_.finish();
  const bool slow = s.stopping || desk_.under_way() || !ever_served_;
  if (slow && now >= next_extension_) {
    notifier_.extend(kExtension);
    next_extension_ = now + kExtensionPeriod;
  }
}

void Server::arm_timer(Clock::time_point now) {
  auto next =
      std::min({fleet_.next_wakeup(), notifier_.next_beat(), exporter_.next_wakeup(),
                watcher_.next_wakeup(), handoff_.next_wakeup()});
  if (next_extension_ > now && (stops() || desk_.under_way() || !ever_served_))
    next = std::min(next, next_extension_);
  if (stop_at_) next = std::min(next, *stop_at_);
  // Once a second, so that readers can tell a living master from a stopped one.
  loop_.arm(timer_, std::min(next, now + 1s));
}

Outcome Server::upgrade() {
  if (stops()) return Error{"the server stops"};
  const auto& argv = desk_.config().command_line.argv;
  return_to(desk_.config().command_line.start_directory);
  auto program = program_to_run(argv);
  Outcome asked = program ? ask_program(program.value(), argv) : program.error();
  if (!asked) {
    log::error("upgrade refused, this version runs on: " + asked.error().message(),
               {log::Id::upgrade_failed});
    return asked;
  }
  successor_ = std::move(program).value();
  if (!fleet_.at_rest() || desk_.under_way())
    log::info("upgrade: waits until the reload is over", {log::Id::upgrade_begun});
  return ok();
}

// First the hooks of the configuration, if there are any.
void Server::make_way() {
  if (!std::exchange(hooks_told_, true))
    fleet_.nursery().tell_upgrade(fleet_.generation());
  if (!fleet_.nursery().awaits_hooks()) become_successor();
}

void Server::become_successor() {
  const std::string program = std::exchange(successor_, {});
  hooks_told_ = false;
  log::info(fmt::format("upgrade: {} takes over, workers go on", program),
            {log::Id::upgrade_begun});
  kernel_.drop_spare();
  fleet_.forget_way_back();
  Testament testament = draw_up(fleet_, *estate_.listeners);
  testament.upgrades = upgrades_ + 1;
  std::vector<Passed> passed{{chronicle_.board_fd(), kBoard}};
  if (exporter_.listener() >= 0) passed.push_back({exporter_.listener(), "metrics"});
  if (log_keeper_.channel() >= 0) passed.push_back({log_keeper_.channel(), kLogKeeper});
  if (control_.passed() >= 0) passed.push_back({control_.passed(), "control"});
  const Error error = become_program(program, desk_.config().command_line.argv,
                                     testament, estate_, std::move(passed));
  log::error("upgrade failed, this version runs on: " + error.message(),
             {log::Id::upgrade_failed});
}

void Server::resume(const Testament& testament) {
  upgrades_ = testament.upgrades;
  auto draft = draft_proposal(desk_.config(), estate_);
  PoolSettings goal;
  std::vector<int> fds;
  if (draft) {
    goal = draft.value().proposal.pool;
    fds = draft.value().proposal.order.fds;
  } else {
    log::error(draft.error().message(), {log::Id::configuration_error});
  }
  carry_out(testament, kernel_, goal, fds, fleet_);
  handoff_.tell_all();
  // Whoever ended meanwhile and is nobody's any more.
  watch_.suspect_strangers();
  ever_served_ = fleet_.pool().serving() > 0;
  log::info(
      fmt::format("upgraded to monodon {}; {} of {} workers go on", MONODON_VERSION,
                  fleet_.pool().serving(), testament.workers.size()),
      {log::Id::upgrade_done});
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// What operators and systemd are told of a reload; the rules are in master/fleet.
#include "master/reload/reload_desk.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "base/log/log.h"
#include "base/text/escape.h"
#include "base/text/text.h"
#include "master/config/file_run.h"
#include "master/fleet/obituary.h"
#include "master/reload/present_reload.h"
#include "master/reload/proposal.h"
#include "master/reload/way_back.h"
#include "worker/access/open_logs.h"

namespace monodon::master {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

// A start that failed may have left none, with a watcher that waits for the cure.
std::string what_serves(const Fleet& fleet) {
  return fleet.pool().serving() == 0
             ? "no worker serves"
             : fmt::format("generation {} serves on", fleet.generation());
}

}  // namespace

ReloadDesk::ReloadDesk(LoadedConfig config, Fleet& fleet, Chronicle& chronicle,
                       Notifier& notifier, ControlServer& control, const Estate& estate,
                       EventLoop& loop, Hooks hooks)
    : started_{config.settings},
      config_{std::move(config)},
      candidate_{config_},
      fleet_{fleet},
      chronicle_{chronicle},
      notifier_{notifier},
      estate_{estate},
      hooks_{std::move(hooks)},
      loop_{loop},
      clients_{control} {}

int ReloadDesk::file_pid() const {
  return file_.run ? file_.run->pid() : -1;
}

void ReloadDesk::stop() {
  stopped_ = true;
  file_over_ = {};
  if (file_.run) {  // reaped here, or it would be taken for a process of the site's
    file_.run->end(file_.patience);
    (void)file_.run->values();
  }
  file_ = {};
  clients_.stopped();
}

bool ReloadDesk::start() {
  began_ = hooks_.clock();
  book_.begin();
  if (propose(candidate_)) return true;
  hooks_.start_failed(0, failure_.reason);
  return false;
}

void ReloadDesk::ask(bool rehearse) {
  if (stopped_) return;
  // One reload answers all that are queued: whoever has not asked to do without gets
  // it.
  rehearse_ = rehearse || (queued_ && rehearse_);
  if (busy()) {
    log::info(
        fmt::format("a reload is under way ({}); the next one follows it", present()),
        {log::Id::reload_begun});
    queued_ = true;
    return;
  }
  begin();
}

std::string ReloadDesk::present() const {
  if (!busy()) return {};
  const Clock::time_point now = hooks_.clock();
  return file_.run ? "gunicorn.conf.py is being run; that began " +
                         spell(now - began_) + " ago"
                   : describe_reload(fleet_, began_, now);
}

void ReloadDesk::begin() {
  queued_ = false;
  // A roll back whose last workers are still leaving: it is over with this.
  if (fleet_.reload().step == ReloadStep::restoring) fail();
  clients_.begin();
  if (!fell_back_.empty()) clients_.tell("fell_back", 0, "before this: " + fell_back_);
  began_ = hooks_.clock();
  book_.begin();
  phase_ = Phase::running;
  notifier_.reloading(began_);
  auto begun = begin_file(config_.command_line);
  if (!begun) return go_on({std::nullopt, {begun.error().message()}});
  if (!begun.value().run) return go_on(load_config(config_.command_line));
  // It may take as long as an import; workers are looked after meanwhile.
  file_ = std::move(begun).value();
  file_deadline_ = file_.patience.count() == 0 ? Clock::time_point::max()
                                               : hooks_.clock() + file_.patience;
  auto over = loop_.try_io(file_.run->fd(), EventLoop::Rank::normal, [] {});
  if (over)
    file_over_ = std::move(over).value();
  else
    file_deadline_ = {};
}

void ReloadDesk::tick() {
  if (!file_.run) return;
  if (!file_.run->over()) {
    if (hooks_.clock() < file_deadline_) return;
    file_.run->end(file_.patience);
  }
  file_over_ = {};
  const BegunFile over = std::exchange(file_, {});
  go_on(load_config(config_.command_line, over.run));
}

void ReloadDesk::go_on(ConfigResult result) {
  for (const std::string& problem : result.problems) {
    log::error(problem, {log::Id::configuration_error});
    failure_.reason += (failure_.reason.empty() ? "" : "\n") + problem;
  }
  if (result.config) use_live_settings(*result.config);
  if (result.config && propose(std::move(*result.config))) return;
  failure_.outcome = "refused";
  log::error("reload refused; " + what_serves(fleet_), {log::Id::generation_refused});
  fail();
  end();
}

// What needs no new workers is in force now, whatever becomes of the new code.
void ReloadDesk::use_live_settings(const LoadedConfig& config) {
  const auto say = [&](log::Level level, const char* how,
                       const std::vector<std::string>& names) {
    if (names.empty()) return;
    const std::string text = fmt::format("{}: {}", how, joined(names));
    log::write(level, text, {log::Id::generation_proposed});
    clients_.tell("settings", 0, text);
  };
  say(log::Level::warning, "changed, and needs a restart",
      needs_restart(started_, config.settings));
  const auto live = take_live(config_.settings, config.settings);
  if (live.empty()) return;
  if (fleet_.last().parked()) take_live(before_.settings, config_.settings);
  fleet_.adjust(pool_settings(config_.settings));
  say(log::Level::info, "changed, and in force now", live);
}

// Once, and when it becomes another one.
void ReloadDesk::tell_spool(const SpoolChoice& spool) {
  const std::string text = spool.told();
  if (text == std::exchange(spool_told_, text)) return;
  const auto say = !spool.as_asked     ? log::error
                   : spool.why.empty() ? log::info
                                       : log::warning;
  say(text, {log::Id::spool_chosen});
}

bool ReloadDesk::propose(LoadedConfig config) {
  for (const std::string& note : config.notes)
    log::info(note, {log::Id::configuration_note});
  for (const std::string& warning : config.warnings)
    log::warning(warning, {log::Id::configuration_warning});
  auto draft = draft_proposal(config, estate_);
  if (!draft) {
    failure_.reason = draft.error().message();
    log::error(failure_.reason, {log::Id::configuration_error});
    return false;
  }
  tell_spool(draft.value().spool);
  candidate_ = std::move(config);
  if (!std::exchange(rehearse_, true)) draft.value().proposal.rehearse = 0;
  const std::uint32_t generation = fleet_.propose(std::move(draft.value().proposal));
  const std::string text = fmt::format(
      "generation {}: {} for {} {}, hosted by {}", generation,
      candidate_.settings.worker.application, candidate_.settings.workers,
      candidate_.settings.workers == 1 ? "worker" : "workers", draft.value().host);
  log::info(text, {log::Id::generation_proposed});
  clients_.tell(name_of(ReloadStep::importing), generation, text);
  book_.step(name_of(ReloadStep::importing), generation, text);
  return true;
}

void ReloadDesk::heed(const FleetNews& news) {
  chronicle_.note(news, hooks_.clock() - began_);
  const std::uint32_t g = news.generation;
  switch (news.kind) {
    case FleetNews::Kind::imported:
      tell_step(g,
                fmt::format("generation {} is imported; starting its first worker", g));
      break;
    case FleetNews::Kind::rehearsed:
      tell_step(g, news.reason);
      break;
    case FleetNews::Kind::doubtful:
      tell_step(g, "warning: " + news.reason);
      break;
    case FleetNews::Kind::rolling:
      tell_step(g, "its first worker serves; replacing the others");
      break;
    case FleetNews::Kind::observing:
      tell_step(g,
                fmt::format("all workers are replaced; watching their answers for {}",
                            spell(fleet_.reload().observe)));
      break;
    case FleetNews::Kind::committed:
      on_committed(g);
      break;
    case FleetNews::Kind::refused:
      on_refused(news);
      break;
    case FleetNews::Kind::rolled_back:
      failure_ = {"rolled_back", g, chronicle_.reason_of(news)};
      tell_step(g, fmt::format("generation {} failed; going back to generation {}{}", g,
                               fleet_.generation(),
                               warning_of_disk(fleet_, fleet_.generation())));
      // The next one need not wait: it replaces whatever serves by then.
      if (queued_) begin();
      break;
    case FleetNews::Kind::restored:
      if (file_.run) break;  // the next reload has begun, and this one been told
      fail();
      end();
      break;
    case FleetNews::Kind::fell_back:
      on_fell_back(news);
      break;
    case FleetNews::Kind::worse:
      if (fleet_.reload().aimed())
        tell_step(g, "warning: " + news.reason +
                         "; nothing is done about it: to go back, deploy the code before");
      break;
    case FleetNews::Kind::no_way_back:
      break;
  }
}

void ReloadDesk::on_refused(const FleetNews& news) {
  if (fleet_.generation() == 0)
    hooks_.start_failed(static_cast<int>(news.failure), chronicle_.reason_of(news));
  // With a watcher a start goes on as reloads, until one has worked.
  if (fleet_.generation() == 0 && phase_ == Phase::idle) return;
  failure_ = {"refused", news.generation, chronicle_.reason_of(news)};
  if (fleet_.generation() != 0 && !news.withdrawn)
    log::error(what_serves(fleet_), {log::Id::generation_refused});
  fail();
  end();
}

void ReloadDesk::use(LoadedConfig config, bool reopen_log) {
  config_ = std::move(config);
  chronicle_.use(config_.settings.worker);
  hooks_.committed();
  if (!reopen_log) return;
  const worker::Settings& w = config_.settings.worker;
  if (auto opened = worker::open_logs(w); !opened)
    log::error("cannot open the new error log, keeping the old one: " +
                   opened.error().message(),
               {log::Id::log_failed});
}

void ReloadDesk::on_fell_back(const FleetNews& news) {
  fell_back_ = fmt::format(
      "generation {} was committed and could not be kept; generation {} serves again: ",
      news.generation, fleet_.generation());
  append_printable(fell_back_, first_line(chronicle_.reason_of(news)));
  fell_back_ += warning_of_disk(fleet_, fleet_.generation());
  book_.fell_back(news.generation, chronicle_.reason_of(news));
  use(std::move(before_), true);
}

void ReloadDesk::on_committed(std::uint32_t generation) {
  fell_back_.clear();
  before_ = std::move(config_);
  use(std::move(candidate_), generation > 1);
  std::string text = fmt::format("generation {} serves, after {}", generation,
                                 spell(hooks_.clock() - began_));
  if (fleet_.last().parked()) {
    const std::uint32_t old = fleet_.last().previous.generation;
    text += fmt::format("; generation {} can come back for {}", old,
                        spell(fleet_.last().fallback));
    text += warning_of_disk(fleet_, old);
  }
  clients_.committed(generation, text);
  if (phase_ == Phase::idle)
    book_.started();
  else
    book_.end("committed", generation, {}, hooks_.clock() - began_);
  end();
}

void ReloadDesk::tell_step(std::uint32_t generation, std::string_view text) {
  clients_.tell(name_of(fleet_.reload().step), generation, text);
  book_.step(name_of(fleet_.reload().step), generation, text);
}

void ReloadDesk::tell_worker(const News& news) {
  if (!fleet_.reload().open() && fleet_.reload().step != ReloadStep::restoring) return;
  const std::uint32_t g = fleet_.reload().generation;
  // A worker of the old code that comes meanwhile (a crash, a start that was still
  // under way) says nothing about the reload; while it is undone, it does.
  const bool old = news.generation != g && fleet_.reload().open();
  if (news.kind == News::Kind::ready && !old)
    clients_.tell("worker", g, name_worker(news) + " serves");
  else if (news.kind == News::Kind::draining)
    clients_.tell("worker", g, name_worker(news) + " leaves");
  else if (news.kind == News::Kind::gone && !old && is_unexpected(news) &&
           news.generation == fleet_.generation())
    give_up_waiting(news);
}

// Nobody has to wait for a roll back that may never be complete.
void ReloadDesk::give_up_waiting(const News& gone) {
  if (failure_.outcome.empty()) return;
  // The last line stays the cause.
  failure_.reason = fmt::format(
      "the code before it cannot be kept serving either, {} {}{}; the cause: {}",
      name_worker(gone), gone.boot_failed ? "cannot load it" : "has died",
      warning_of_disk(fleet_, fleet_.generation()), failure_.reason);
  fail();
  end();
}

void ReloadDesk::fail() {
  if (failure_.outcome.empty()) return;  // it was told when its roll-back was given up
  clients_.failed(failure_.outcome, failure_.generation, failure_.reason);
  book_.end(failure_.outcome, failure_.generation, failure_.reason,
            hooks_.clock() - began_);
  failure_ = {};
}

// READY follows when the zygotes that are not needed any more have left.
void ReloadDesk::end() {
  if (phase_ == Phase::running) phase_ = Phase::ending;
  if (queued_ && !stopped_) begin();
}

void ReloadDesk::finish() {
  if (phase_ != Phase::ending || fleet_.nursery().dismissing()) return;
  phase_ = Phase::idle;
  notifier_.ready();
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// What happens to workers and reloads as lines of the error log.
#include "master/chronicle/chronicle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/text/text.h"
#include "master/chronicle/dead_requests.h"
#include "master/chronicle/reload_lines.h"
#include "master/fleet/obituary.h"
#include "master/system/tracer.h"
#include "scoreboard/board_view.h"
#include "scoreboard/page_view.h"

namespace monodon::master {

namespace {

using scoreboard::Cause;
using scoreboard::EventKind;
using scoreboard::SlotState;

static_assert(static_cast<int>(SlotState::condemned) ==
              static_cast<int>(State::condemned));

std::uint64_t ns(Clock::time_point t) {
  return static_cast<std::uint64_t>(t.time_since_epoch().count());
}

std::uint64_t ms(Clock::duration d) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

// What it says itself, if it can.
std::string why_silent(const News& news) {
  return news.text.empty() ? silence_of(news.pid) : news.text;
}

// What its page says that it ran. Nothing of it is relied on: no request is older than
// its worker.
std::vector<LastRequest> last_requests(const scoreboard::WorkerReport& report,
                                       Clock::duration life) {
  std::vector<LastRequest> running;
  const std::uint64_t now = monotonic_ns();
  for (const scoreboard::ThreadReport& thread : report.threads) {
    if (thread.started_ns == 0) continue;
    const std::uint64_t age = scoreboard::age_ns(thread.started_ns, now);
    const std::chrono::nanoseconds ran{static_cast<std::int64_t>(age)};
    running.push_back({thread.request, thread.request_id,
                       std::min<Clock::duration>(ran, life), thread.remote,
                       thread.phase == scoreboard::Phase::expired});
  }
  return running;
}

// What a worker ran when it ended kept a thread busy until then, and is counted as
// without an answer, unless its keeper gave one.
void count_unfinished(scoreboard::Totals& last,
                      const std::vector<LastRequest>& running) {
  constexpr std::size_t kNone = scoreboard::kClasses - 1;
  for (const LastRequest& one : running) {
    const std::chrono::nanoseconds ran{one.age};
    last.busy_ns += static_cast<std::uint64_t>(ran.count());
    if (one.answered) continue;
    const auto us = static_cast<std::uint64_t>(ran.count() / 1000);
    ++last.responses[kNone];
    ++last.duration[kNone][scoreboard::bucket_of(us)];
    last.duration_sum_us[kNone] += us;
    ++last.first_byte[kNone][scoreboard::bucket_of(us)];
    last.first_byte_sum_us[kNone] += us;
  }
}

scoreboard::SlotFacts facts_of(const Pool::Slot& slot, Clock::time_point now) {
  scoreboard::SlotFacts facts;
  facts.state = static_cast<SlotState>(slot.view.state);
  facts.starts = slot.starts;
  facts.failures = slot.failures;
  facts.next_try_ns = 0;
  if (!occupied(slot.view.state)) {
    if (slot.view.may_start_at <= now) return facts;
    facts.state = SlotState::resting;
    facts.next_try_ns = ns(slot.view.may_start_at);
    return facts;
  }
  facts.serial = slot.process.serial;
  facts.generation = slot.view.generation;
  facts.pid = slot.process.pid;
  facts.threads = static_cast<std::uint32_t>(slot.threads);
  facts.since_ns = ns(slot.asked_at);
  return facts;
}

void write(const News& about, log::Level level, log::Id id, const std::string& text) {
  log::write(
      level, text,
      {id, log::beside({"worker", about.slot}), log::beside({"serial", about.serial}),
       log::beside({"generation", about.generation}),
       log::beside({"worker_pid", about.pid})});
}

// Where it was when it was slow, if it ran the same request to its end.
std::string last_stacks(const News& gone, const std::vector<LastRequest>& running) {
  const bool same = std::ranges::any_of(
      running, [&](const LastRequest& last) { return last.age >= gone.since_stacks; });
  return same ? gone.text : std::string{};
}

// The request that had run longest stands for all in the fields.
void write_end(const News& gone, log::Level level, log::Id id, const std::string& text,
               Cause cause, const std::vector<LastRequest>& running) {
  const LastRequest& last = *std::ranges::max_element(running, {}, &LastRequest::age);
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(last.age);
  // Its worker has logged where a request was that reached its deadline.
  log::Field stacks{
      "stacks", gone.wear == Wear::stuck ? std::string{} : last_stacks(gone, running)};
  stacks.in_text = !stacks.value.empty();
  log::write(
      level, text,
      {id, log::beside({"worker", gone.slot}), log::beside({"serial", gone.serial}),
       log::beside({"generation", gone.generation}),
       log::beside({"worker_pid", gone.pid}),
       log::beside({"cause", scoreboard::name_of(cause)}),
       log::beside({"request", last.request}),
       log::beside({"request_id", last.request_id}),
       log::beside({"remote_addr", last.remote}),
       log::beside({"duration_us", static_cast<std::int64_t>(us.count())}), stacks});
}

void write_not_forked(const News& news) {
  log::error(fmt::format("no worker for slot {}: {}{}", news.slot, news.text,
                         next_try(news.pause)),
             {news.value == ETOOMANYREFS ? log::Id::descriptors_in_flight
                                         : log::Id::worker_not_forked,
              log::beside({"generation", news.generation})});
}

void write_overdue(const News& news, const std::string& who, bool develops) {
  // An edit ends what still runs, within a second: so it is meant.
  const bool meant = news.withdrawn || (develops && news.state == State::draining);
  write(news, meant ? log::Level::debug : log::Level::warning, log::Id::worker_overdue,
        who + " ran out of time in state " + name_of(news.state) + "; killing it");
}

}  // namespace

std::string next_try(Clock::duration pause) {
  return pause > Clock::duration::zero() ? "; next try in " + spell(pause) : "";
}

Cause cause_of(const News& gone, bool out_of_memory) {
  const bool stuck = gone.wear >= Wear::stuck;
  if (gone.struck_in == State::starting) return Cause::boot_timeout;
  if (gone.struck_in == State::draining && gone.withdrawn) return Cause::asked;
  if (gone.struck_in == State::draining)
    return stuck ? Cause::deadline : Cause::graceful_timeout;
  if (gone.death.by_signal && is_unexpected(gone)) {
    const bool oom = out_of_memory && gone.death.code == SIGKILL;
    return oom ? Cause::out_of_memory : Cause::signal;
  }
  if (gone.asked_to_go) {
    if (stuck) return Cause::deadline;
    return gone.retire != 0 ? Cause::recycled : Cause::asked;
  }
  if (gone.boot_failed || gone.state == State::starting) return Cause::boot_failed;
  return Cause::exit_status;
}

void Chronicle::bury(const News& gone) {
  const bool oom = gone.out_of_memory;
  std::vector<LastRequest> running;
  scoreboard::Totals last;
  if (auto page = scoreboard::PageView::open(gone.page.get(), gone.threads)) {
    const scoreboard::WorkerReport report = page.value().read();
    running = last_requests(report, gone.age);
    scoreboard::CounterGuard guard{static_cast<std::uint32_t>(gone.threads),
                                   ns(gone.asked_at)};
    last = guard.observe(report.totals, monotonic_ns());
    count_unfinished(last, running);
  }
  last.thread_ns = elapsed_ns(ns(gone.asked_at), monotonic_ns()) * gone.threads;
  last.cpu_us = gone.death.cpu_us;
  scoreboard::SlotFacts facts;
  facts.state =
      gone.pause > Clock::duration::zero() ? SlotState::resting : SlotState::vacant;
  const Cause cause = cause_of(gone, oom);
  board_.worker_ended(gone.slot, last, cause, facts);

  log_dead_requests(settings_, running);
  const std::string text = obituary(gone, running, oom);
  last_buried_ = gone.serial;
  last_account_ = account_of_end(gone, running, oom);
  board_.add_event(
      {EventKind::worker_ended, gone.slot, gone.serial, gone.generation, text});
  constexpr std::size_t kMostDeaths = 5;
  if (is_unexpected(gone)) deaths_.push_back({std::time(nullptr), last_account_});
  if (deaths_.size() > kMostDeaths) deaths_.pop_front();
  const bool forced = gone.wear == Wear::stuck;
  // Why an import failed has been told, and to who has an editor open that is all.
  const bool meant = settings_.development && gone.struck_in == State::draining;
  const auto level = meant ? log::Level::debug
                     : gone.boot_failed
                         ? settings_.reload ? log::Level::debug : log::Level::info
                     : is_unexpected(gone) ? log::Level::error
                     : forced              ? log::Level::warning
                                           : log::Level::info;
  const auto id = oom                   ? log::Id::worker_out_of_memory
                  : forced              ? log::Id::worker_stuck
                  : is_unexpected(gone) ? log::Id::worker_died
                                        : log::Id::worker_ended;
  if (running.empty())
    write(gone, level, id, text);
  else
    write_end(gone, level, id, text, cause, running);
}

void Chronicle::note(const News& news) {
  const std::string who = name_worker(news);
  const auto say = [&](log::Level level, log::Id id, const std::string& text) {
    write(news, level, id, text);
  };
  switch (news.kind) {
    case News::Kind::started:
      board_.count_start();
      log::debug(who + " was forked");
      break;
    case News::Kind::ready:
      board_.count_boot(ms(news.age) * 1000);
      board_.add_event(
          {EventKind::worker_ready, news.slot, news.serial, news.generation, {}});
      say(log::Level::info, log::Id::worker_ready,
          who + " serves, after " + spell(news.age));
      break;
    case News::Kind::not_forked:
      write_not_forked(news);
      break;
    case News::Kind::boot_failed:
      say(news.refuses ? log::Level::debug : log::Level::error,
          log::Id::worker_load_failed,
          who + " cannot load the application: " + news.text);
      break;
    case News::Kind::retiring:
      say(log::Level::info, log::Id::worker_retiring, who + " asks to be replaced");
      break;
    case News::Kind::silent:
      board_.add_event({EventKind::worker_stuck, news.slot, news.serial,
                        news.generation, why_silent(news)});
      say(log::Level::error, log::Id::worker_silent,
          who + " will be replaced: " + why_silent(news));
      break;
    case News::Kind::stuck:
      board_.add_event({EventKind::worker_stuck, news.slot, news.serial,
                        news.generation, news.text});
      // Its worker has told of the request, and its end will be told.
      log::debug(who + " is stuck and will be replaced: " + news.text);
      break;
    case News::Kind::draining:
      log::debug(who + " was asked to leave");
      break;
    case News::Kind::overdue:
      write_overdue(news, who, settings_.development);
      break;
    case News::Kind::undead:
      say(log::Level::critical, log::Id::worker_undead,
          who + " does not die of SIGKILL; " + what_holds(news.pid));
      break;
    case News::Kind::gone:
      bury(news);
      break;
    case News::Kind::zygote_silent:
      log::error(
          fmt::format("the zygote of generation {} does not answer; killing it",
                      news.generation),
          {log::Id::zygote_failed, log::beside({"generation", news.generation})});
      break;
    case News::Kind::learned:
    case News::Kind::stale:
      note_imports(news, who);
      break;
    case News::Kind::bug:
      say(log::Level::error, log::Id::bug,
          "a bug in monodon, please report it: " + who + ", " + news.text);
      break;
  }
}

void Chronicle::note(const FleetNews& news, Clock::duration took) {
  const std::uint32_t g = news.generation;
  const auto ended = [&](EventKind kind, scoreboard::Reload outcome,
                         const std::string& why) {
    board_.add_event({kind, 0, 0, g, exception_of(why)});
    // One that falls back was over with its commit.
    const bool over = outcome == scoreboard::Reload::fell_back;
    if (g > 1)
      board_.count_reload(outcome, over ? std::nullopt : std::optional{ms(took)});
  };
  switch (news.kind) {
    case FleetNews::Kind::imported:
      log::debug(fmt::format("generation {} is tried with one worker", g));
      break;
    case FleetNews::Kind::rehearsed:
    case FleetNews::Kind::doubtful:
      write_rehearsal(news);
      break;
    case FleetNews::Kind::rolling:
      log::info(fmt::format("generation {} takes over, worker by worker", g),
                {log::Id::generation_rolling});
      break;
    case FleetNews::Kind::observing:
      log::info(fmt::format("all workers are of generation {}; watching them", g),
                {log::Id::generation_rolling});
      break;
    case FleetNews::Kind::committed:
      ended(EventKind::generation_committed, scoreboard::Reload::committed, {});
      if (g > 1)
        log::info(fmt::format("generation {} has taken over", g),
                  {log::Id::generation_committed});
      break;
    case FleetNews::Kind::refused:
      ended(EventKind::generation_refused, scoreboard::Reload::refused,
            reason_of(news));
      write_refusal(news, reason_of(news));
      break;
    case FleetNews::Kind::rolled_back:
      ended(EventKind::generation_rolled_back, scoreboard::Reload::rolled_back,
            reason_of(news));
      log::error(fmt::format("generation {} is rolled back: {}", g, reason_of(news)),
                 {log::Id::generation_rolled_back});
      break;
    case FleetNews::Kind::worse:
      board_.add_event({EventKind::generation_worse, 0, 0, g, news.reason});
      log::warning(fmt::format("generation {} answers worse than the code before: {}; "
                               "nothing is done about it",
                               g, news.reason),
                   {log::Id::application_warning});
      break;
    case FleetNews::Kind::fell_back:
      ended(EventKind::generation_fell_back, scoreboard::Reload::fell_back,
            reason_of(news));
      log::critical(fmt::format("generation {} was committed and cannot be kept; the "
                                "code before it comes back: {}",
                                g, reason_of(news)),
                    {log::Id::generation_rolled_back});
      break;
    case FleetNews::Kind::no_way_back:
      log::info(farewell(news), {log::Id::generation_committed});
      break;
    case FleetNews::Kind::restored:
      log::info(
          fmt::format("roll-back complete: no worker of generation {} is left", g),
          {log::Id::generation_rolled_back});
      break;
  }
}

std::string Chronicle::reason_of(const FleetNews& news) const {
  return news.serial != 0 && news.serial == last_buried_ ? last_account_ : news.reason;
}

void Chronicle::publish(const Fleet& fleet, Clock::time_point now) {
  const auto& slots = fleet.pool().slots();
  for (std::size_t i = 0; i < slots.size(); ++i)
    board_.publish(i, facts_of(slots[i], now));
  board_.set_goal(fleet.generation(), static_cast<std::uint32_t>(fleet.workers()),
                  fleet.candidate());
  int zygote = -1;
  for (const Nursery::Child& child : fleet.nursery().children())
    if (child.alive) zygote = child.process.pid;
  board_.set_zygote(zygote);
  if (fleet.stopping()) note_stopping();
  board_.beat(ns(now));
}

}  // namespace monodon::master

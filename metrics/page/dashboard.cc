// SPDX-License-Identifier: Apache-2.0
// The JSON behind the dashboard.
#include "metrics/page/dashboard.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text/text.h"
#include "base/version.h"
#include "metrics/observation/health.h"
#include "metrics/observation/process_stats.h"
#include "metrics/page/dashboard_html.h"
#include "metrics/page/page_state.h"

namespace monodon::metrics {
namespace {

using Json = nlohmann::json;
using scoreboard::Cause;
using scoreboard::EventKind;

constexpr std::size_t kShortReason = 400;

double in_seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// As the log has it: ahead of UTC.
long zone_seconds() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  return ::localtime_r(&now, &local) == nullptr ? 0 : local.tm_gmtoff;
}

Json running_json(const SlotSight& slot, std::uint64_t now_ns) {
  Json running = Json::array();
  if (!slot.page) return running;
  const std::uint64_t life = scoreboard::age_ns(slot.row.since_ns, now_ns);
  for (const auto& thread : slot.page->threads) {
    if (thread.started_ns == 0) continue;
    const std::uint64_t age = scoreboard::age_ns(thread.started_ns, now_ns);
    running.push_back({{"request", thread.request},
                       {"remote", thread.remote},
                       {"age", in_seconds(std::min(age, life))}});
  }
  return running;
}

Json slot_json(std::size_t number, const SlotSight& slot, const Surroundings& around,
               std::uint64_t now_ns) {
  const auto pss = around.pss.find(slot.row.pid);
  const std::uint64_t next = slot.row.next_try_ns;
  return {{"slot", number},
          {"state", name_of(slot.row.state)},
          {"generation", slot.row.generation},
          {"pid", slot.row.pid},
          {"age", in_seconds(scoreboard::age_ns(slot.row.since_ns, now_ns))},
          {"failures", slot.row.failures},
          {"next_try", next > now_ns ? in_seconds(next - now_ns) : 0.0},
          {"requests", slot.totals.requests},
          {"cpu", static_cast<double>(slot.totals.cpu_us) / 1e6},
          {"rss", slot.row.pid == 0 ? 0 : read_rss_bytes(slot.row.pid)},
          {"pss", pss == around.pss.end() ? 0 : pss->second},
          {"running", running_json(slot, now_ns)}};
}

Json totals_json(const Sight& sight) {
  const scoreboard::Totals& sum = sight.sum;
  std::uint64_t crashes = 0;
  for (const Cause cause : {Cause::exit_status, Cause::signal, Cause::out_of_memory})
    crashes += sight.board.exits.at(static_cast<std::size_t>(cause));
  return {{"requests", sum.requests},
          {"failed", sum.responses[4] + sum.responses[5]},
          {"busy", in_seconds(sum.busy_ns)},
          {"crashes", crashes}};
}

Json duration_json(const scoreboard::Totals& sum) {
  Json bounds = Json::array();
  Json counts = Json::array();
  for (const std::uint32_t us : scoreboard::kBucketsUs) bounds.push_back(us / 1e6);
  for (const std::uint64_t count : durations(sum)) counts.push_back(count);
  return {{"bounds", std::move(bounds)}, {"counts", std::move(counts)}};
}

// Deaths that nobody asked for, and code that came to nothing.
bool is_bad(const scoreboard::EventReport& event) {
  const auto says = [&](const char* word) {
    return event.text.find(word) != std::string::npos;
  };
  switch (event.kind.value_or(EventKind::worker_ready)) {
    case EventKind::worker_ended:
      return says(" killed ") || says("by itself") || says("could not load");
    case EventKind::worker_stuck:
    case EventKind::generation_refused:
    case EventKind::generation_rolled_back:
    case EventKind::generation_fell_back:
    case EventKind::generation_worse:
      return true;
    case EventKind::master_started:
    case EventKind::master_stopping:
    case EventKind::worker_started:
    case EventKind::worker_ready:
    case EventKind::generation_proposed:
    case EventKind::generation_committed:
      return false;
  }
  return false;
}

Json event_json(const scoreboard::EventReport& event, bool full) {
  Json json{{"time", static_cast<double>(event.unix_ns) / 1e9},
            {"kind", name_of(event.kind)},
            {"bad", is_bad(event)},
            {"text", event_text(event, full)}};
  if (name_of(event.kind).starts_with("worker")) json["slot"] = event.slot;
  return json;
}

Json exits_json(const scoreboard::BoardReport& board) {
  Json exits = Json::object();
  for (std::size_t i = 0; i < scoreboard::kCauses; ++i)
    exits[std::string{name_of(static_cast<Cause>(i))}] = board.exits.at(i);
  return exits;
}

// Without what the application said, unless everything may be shown.
Json reload_json(const ReloadStory& story, bool full) {
  Json json{{"step", story.step},
            {"generation", story.generation},
            {"text", story.text},
            {"began", story.began_unix},
            {"outcome", story.last_outcome},
            {"last_generation", story.last_generation},
            {"ended", story.last_ended_unix},
            {"took", story.last_took},
            {"has_reason", !story.last_reason.empty()}};
  if (full)
    json["reason"] =
        std::string{exception_of(story.last_reason).substr(0, kShortReason)};
  return json;
}

Json queues_json(const Surroundings& around, std::uint64_t now_ns) {
  Json queues = Json::array();
  for (const auto& [address, history] : around.queues)
    queues.push_back({{"listener", address},
                      {"waiting", history.last().waiting},
                      {"limit", history.last().limit},
                      {"highest", history.highest(now_ns)}});
  return queues;
}

Json moment_json(const Moment& moment) {
  const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
  const auto maybe = [&](const std::optional<double>& value) {
    return value ? Json(rounded(*value)) : Json(nullptr);
  };
  const Json memory = moment.memory == 0 ? Json(nullptr) : Json(moment.memory);
  return {std::round(moment.time), rounded(moment.requests),
          rounded(moment.errors),  maybe(moment.median),
          maybe(moment.p99),       rounded(moment.busy),
          moment.waiting,          memory};
}

}  // namespace

std::string make_nonce() {
  std::array<unsigned char, 16> bytes{};
  (void)::getrandom(bytes.data(), bytes.size(), 0);
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

double wall_seconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::uint64_t memory_of_workers(const Sight& sight, const Surroundings& around) {
  std::uint64_t sum = 0;
  for (const SlotSight& slot : sight.slots) {
    if (slot.row.pid == 0) continue;
    const auto pss = around.pss.find(slot.row.pid);
    const bool known = pss != around.pss.end() && pss->second != 0;
    sum += known ? pss->second : read_rss_bytes(slot.row.pid);
  }
  return sum;
}

std::uint64_t pss_of_workers(const Sight& sight, const Surroundings& around) {
  std::uint64_t sum = 0;
  for (const SlotSight& slot : sight.slots) {
    if (slot.row.pid == 0) continue;
    const auto pss = around.pss.find(slot.row.pid);
    if (pss == around.pss.end() || pss->second == 0) return 0;
    sum += pss->second;
  }
  return sum;
}

std::string_view dashboard_icon() {
  return kDashboardIcon;
}

std::string dashboard_page(const std::string& nonce, const std::string& plain) {
  std::string page;
  std::string_view rest = kDashboardHtml;
  for (std::size_t at = 0; (at = rest.find("${")) != std::string_view::npos;) {
    page += rest.substr(0, at);
    rest.remove_prefix(at + 2);
    const std::string_view name = rest.substr(0, rest.find('}'));
    rest.remove_prefix(name.size() + 1);
    if (name == "nonce") page += nonce;
    if (name == "plain") page += plain;
    if (name == "style") page += kDashboardCss;
    if (name == "script") page += kDashboardJs;
  }
  return page += rest;
}

std::string dashboard_policy(const std::string& nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; "
      "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'",
      nonce);
}

std::string dashboard_json(const Sight& sight, const Surroundings& around, bool full) {
  const scoreboard::BoardReport& board = sight.board;
  const Verdict verdict = ready(sight, around.facts.ready_workers);
  const PageState state = page_state(sight, around);
  Json json{{"application", around.facts.application},
            {"version", MONODON_VERSION},
            {"time", wall_seconds()},
            {"zone", zone_seconds()},
            {"uptime", in_seconds(scoreboard::age_ns(board.started_ns, sight.now_ns))},
            {"generation", board.generation},
            {"candidate", board.generation == 0 ? 0 : board.candidate},
            {"reloading", reload_in_progress(sight)},
            {"stopping", board.stopping},
            {"ready", {{"good", verdict.good}, {"text", verdict.text}}},
            {"state", {{"name", state.name}, {"text", state.text}}},
            {"notices", page_notices(sight, around)},
            {"full", full},
            {"exits", exits_json(board)},
            {"reload", reload_json(around.reload, full)},
            {"memory", memory_of_workers(sight, around)},
            {"last_reload", board.last_reload_unix},
            {"last_reload_took", static_cast<double>(board.last_reload_ms) / 1e3},
            {"threads", serving_threads(sight)},
            {"totals", totals_json(sight)},
            {"duration", duration_json(sight.sum)},
            {"queues", queues_json(around, sight.now_ns)},
            {"waiting_inside", around.waiting_inside},
            {"slots", Json::array()},
            {"events", Json::array()}};
  for (std::size_t i = 0; i < scoreboard::kReloads; ++i)
    json["reloads"][std::string{name_of(static_cast<scoreboard::Reload>(i))}] =
        board.reloads[i];
  for (std::size_t i = 0; i < sight.slots.size(); ++i)
    json["slots"].push_back(slot_json(i, sight.slots[i], around, sight.now_ns));
  for (const scoreboard::EventReport& event : board.events)
    json["events"].push_back(event_json(event, full));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string history_json(const Sight& sight, const Surroundings& around) {
  Json rows = Json::array();
  for (const Moment& moment : around.history.moments())
    rows.push_back(moment_json(moment));
  if (const auto now =
          around.history.present(sight, pss_of_workers(sight, around), wall_seconds()))
    rows.push_back(moment_json(*now));
  return Json{{"step", History::kStepNs / 1'000'000'000},
              {"most", History::kMost},
              {"rows", std::move(rows)}}
      .dump();
}

}  // namespace monodon::metrics

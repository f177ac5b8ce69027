// SPDX-License-Identifier: Apache-2.0
// The JSON behind the dashboard.
#include "metrics/dashboard.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>

#include "metrics/dashboard_html.h"
#include "metrics/health.h"
#include "metrics/process_stats.h"

namespace monodon::metrics {
namespace {

using Json = nlohmann::json;
using scoreboard::Cause;

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

double wall_seconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
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
                       {"age", seconds(std::min(age, life))}});
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
          {"age", seconds(scoreboard::age_ns(slot.row.since_ns, now_ns))},
          {"failures", slot.row.failures},
          {"next_try", next > now_ns ? seconds(next - now_ns) : 0.0},
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
          {"busy", seconds(sum.busy_ns)},
          {"crashes", crashes}};
}

Json duration_json(const scoreboard::Totals& sum) {
  Json bounds = Json::array();
  Json counts = Json::array();
  for (const std::uint32_t us : scoreboard::kBucketsUs) bounds.push_back(us / 1e6);
  for (std::size_t b = 0; b < scoreboard::kBuckets; ++b)
    counts.push_back(std::accumulate(
        sum.duration.begin(), sum.duration.end(), std::uint64_t{0},
        [b](std::uint64_t n, const auto& of_class) { return n + of_class[b]; }));
  return {{"bounds", std::move(bounds)}, {"counts", std::move(counts)}};
}

// The end of a worker is told by the master's own sentence.
std::string event_text(const scoreboard::EventReport& event) {
  if (event.kind == scoreboard::EventKind::worker_ended) return event.text;
  std::string kind{name_of(event.kind)};
  std::replace(kind.begin(), kind.end(), '_', ' ');
  const bool of_worker = kind.starts_with("worker");
  const std::string whose =
      of_worker ? fmt::format("slot {}, generation {}", event.slot, event.generation)
                : fmt::format("{}", event.generation);
  return fmt::format("{}{} {}{}{}", kind, of_worker ? ":" : "", whose,
                     event.text.empty() ? "" : ": ", event.text);
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

}  // namespace

std::string make_nonce() {
  std::array<unsigned char, 16> bytes{};
  (void)::getrandom(bytes.data(), bytes.size(), 0);
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string dashboard_page(const std::string& nonce) {
  constexpr std::string_view kMark = "NONCE";
  std::string page{kDashboardHtml};
  for (std::size_t at = 0; (at = page.find(kMark, at)) != std::string::npos;)
    page.replace(at, kMark.size(), nonce);
  return page;
}

std::string dashboard_policy(const std::string& nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      nonce);
}

std::string dashboard_json(const Sight& sight, const Surroundings& around) {
  const scoreboard::BoardReport& board = sight.board;
  const Verdict verdict = ready(sight, around.facts.ready_workers);
  Json json{{"application", around.facts.application},
            {"version", MONODON_VERSION},
            {"time", wall_seconds()},
            {"uptime", seconds(scoreboard::age_ns(board.started_ns, sight.now_ns))},
            {"generation", board.generation},
            {"candidate", board.generation == 0 ? 0 : board.candidate},
            {"reloading", reload_in_progress(sight)},
            {"stopping", board.stopping},
            {"ready", {{"good", verdict.good}, {"text", verdict.text}}},
            {"last_reload", board.last_reload_unix},
            {"last_reload_took", static_cast<double>(board.last_reload_ms) / 1e3},
            {"threads", serving_threads(sight)},
            {"totals", totals_json(sight)},
            {"duration", duration_json(sight.sum)},
            {"queues", queues_json(around, sight.now_ns)},
            {"slots", Json::array()},
            {"events", Json::array()}};
  for (std::size_t i = 0; i < scoreboard::kReloads; ++i)
    json["reloads"][std::string{name_of(static_cast<scoreboard::Reload>(i))}] =
        board.reloads[i];
  for (std::size_t i = 0; i < sight.slots.size(); ++i)
    json["slots"].push_back(slot_json(i, sight.slots[i], around, sight.now_ns));
  for (const scoreboard::EventReport& event : board.events)
    json["events"].push_back({{"time", static_cast<double>(event.unix_ns) / 1e9},
                              {"text", event_text(event)}});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace monodon::metrics

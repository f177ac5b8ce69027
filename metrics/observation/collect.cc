// SPDX-License-Identifier: Apache-2.0
// The value of every metric, from one look at board and pages.
#include "metrics/observation/collect.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/version.h"
#include "metrics/observation/process_stats.h"

namespace monodon::metrics {
namespace {

using scoreboard::SlotState;

constexpr std::array<const char*, scoreboard::kClasses> kClassNames = {
    "1xx", "2xx", "3xx", "4xx", "5xx", "none"};

double number(std::uint64_t n) {
  return static_cast<double>(n);
}
double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

void add_server(const Sight& sight, const Surroundings& around, Exposition& to) {
  const scoreboard::BoardReport& board = sight.board;
  to.add("build_info", 1,
         {{"version", MONODON_VERSION},
          {"site", around.facts.site},
          {"application", around.facts.application}});
  to.add("configuration_info", 1, {{"hash", around.facts.configuration_hash}});
  to.add("start_time_seconds", number(board.started_unix));
  to.add("master_heartbeat_age_seconds",
         seconds(scoreboard::age_ns(board.heartbeat_ns, sight.now_ns)));
  to.add("stopping", board.stopping ? 1 : 0);
  to.add("generation", board.generation);
  to.add("generation_shared", around.facts.shared ? 1 : 0);
  to.add("reload_in_progress", reload_in_progress(sight) ? 1 : 0);
  for (std::size_t i = 0; i < scoreboard::kReloads; ++i) {
    const auto outcome = name_of(static_cast<scoreboard::Reload>(i));
    to.add("reloads_total", number(board.reloads[i]),
           {{"outcome", std::string{outcome}}});
  }
  to.add("last_reload_failed", has_failed(around.reload) ? 1 : 0);
  to.add("last_reload_timestamp_seconds", number(board.last_reload_unix));
  to.add("last_reload_duration_seconds", number(board.last_reload_ms) / 1e3);
}

// Every state is there from the beginning, so that a rate or an alert has something to
// begin with.
void add_states(const Sight& sight, Exposition& to) {
  constexpr auto kStates = static_cast<std::size_t>(SlotState::resting) + 1;
  std::array<std::array<std::uint64_t, 2>, kStates> count{};
  for (const SlotSight& slot : sight.slots) {
    if (!slot.row.state) continue;
    const bool other =
        slot.row.serial != 0 && slot.row.generation != sight.board.generation;
    ++count.at(static_cast<std::size_t>(*slot.row.state)).at(other ? 1 : 0);
  }
  for (std::size_t i = 0; i < kStates; ++i) {
    const auto state = static_cast<SlotState>(i);
    if (state == SlotState::vacant) continue;
    const std::string name{scoreboard::name_of(state)};
    to.add("workers", number(count[i][0]),
           {{"state", name}, {"generation", "current"}});
    if (state != SlotState::resting)
      to.add("workers", number(count[i][1]),
             {{"state", name}, {"generation", "other"}});
  }
}

void add_workers(const Sight& sight, Exposition& to) {
  const scoreboard::BoardReport& board = sight.board;
  to.add("workers_wanted", board.wanted);
  add_states(sight, to);
  to.add("worker_starts_total", number(board.starts));
  for (std::size_t i = 0; i < scoreboard::kCauses; ++i) {
    const auto cause = name_of(static_cast<scoreboard::Cause>(i));
    to.add("worker_exits_total", number(board.exits[i]),
           {{"cause", std::string{cause}}});
  }
  to.add("worker_boot_seconds", HistogramData{board.boots, board.boot_sum_us});
  to.add("exporter_starts_total", number(board.exporter_starts));
}

void add_requests(const Sight& sight, Exposition& to) {
  const scoreboard::Totals& sum = sight.sum;
  to.add("requests_refused_total", number(sum.refused));
  to.add("application_errors_total", number(sum.errors));
  for (std::size_t c = 0; c < scoreboard::kClasses; ++c) {
    to.add("responses_total", number(sum.responses[c]), {{"class", kClassNames.at(c)}});
    to.add("request_duration_seconds",
           HistogramData{sum.duration[c], sum.duration_sum_us[c]},
           {{"class", kClassNames.at(c)}});
  }
  for (std::size_t c = 0; c < scoreboard::kClasses; ++c)
    to.add("first_byte_seconds",
           HistogramData{sum.first_byte[c], sum.first_byte_sum_us[c]},
           {{"class", kClassNames.at(c)}});
  to.add("queue_time_seconds", HistogramData{sum.queue, sum.queue_sum_us});
  to.add("gil_wait_seconds_total", seconds(sum.lock_wait_ns));
  to.add("request_body_bytes_total", number(sum.bytes_in));
  to.add("response_body_bytes_total", number(sum.bytes_out));
  const Running running = running_now(sight);
  to.add("requests_in_progress", number(running.requests));
  to.add("oldest_request_age_seconds", seconds(running.oldest_ns));
  to.add("slow_requests_total", number(sum.slow_requests));
  to.add("request_deadlines_total", number(sum.deadlines));
  to.add("header_fields_dropped_total", number(sum.dropped_fields));
  to.add("static_files_total", number(sum.static_files));
  to.add("log_lines_dropped_total", number(sum.log_lines_dropped));
}

void add_connections(const Sight& sight, const Surroundings& around, Exposition& to) {
  const scoreboard::Totals& sum = sight.sum;
  double open = 0;
  double idle = 0;
  double websockets = 0;
  for (const SlotSight& slot : sight.slots)
    if (slot.page) {
      open += number(slot.page->open_connections);
      idle += number(slot.page->idle_connections);
      websockets += number(slot.page->open_websockets);
    }
  to.add("connections_open", open);
  to.add("connections_idle", idle);
  to.add("websockets_open", websockets);
  to.add("connections_waiting", around.waiting_inside);
  to.add("connections_accepted_total", number(sum.accepted));
  to.add("accept_pauses_total", number(sum.accept_pauses));
  to.add("connections_handed_over_total", number(sum.handed_in), {{"direction", "in"}});
  to.add("connections_handed_over_total", number(sum.handed_out),
         {{"direction", "out"}});
  for (const auto& [address, history] : around.queues) {
    const QueueDepth last = history.last();
    to.add("listen_queue_length", last.waiting, {{"listener", address}});
    to.add("listen_queue_limit", last.limit, {{"listener", address}});
    to.add("listen_queue_highest", history.highest(sight.now_ns),
           {{"listener", address}});
  }
}

void add_saturation(const Sight& sight, Surroundings& around, Exposition& to) {
  to.add("saturation_ratio", around.saturation.value());
  to.add("threads", number(serving_threads(sight)));
  const std::uint64_t busy = sight.sum.busy_ns;
  const std::uint64_t idle =
      sight.sum.thread_ns > busy ? sight.sum.thread_ns - busy : 0;
  around.idle_ns = std::max(around.idle_ns, idle);
  to.add("thread_seconds_total", seconds(busy), {{"state", "busy"}});
  to.add("thread_seconds_total", seconds(around.idle_ns), {{"state", "idle"}});
}

void add_slots(const Sight& sight, const Surroundings& around, Exposition& to) {
  for (std::size_t i = 0; i < sight.slots.size(); ++i) {
    const SlotSight& slot = sight.slots[i];
    const Labels label{{"slot", std::to_string(i)}};
    to.add("requests_total", number(slot.totals.requests), label);
    to.add("worker_failures_in_a_row", number(slot.row.failures), label);
    to.add("worker_cpu_seconds_total", number(slot.totals.cpu_us) / 1e6, label);
    if (slot.row.pid == 0) continue;
    if (const std::uint64_t rss = read_rss_bytes(slot.row.pid); rss != 0)
      to.add("worker_memory_rss_bytes", number(rss), label);
    if (const auto pss = around.pss.find(slot.row.pid);
        pss != around.pss.end() && pss->second != 0)
      to.add("worker_memory_pss_bytes", number(pss->second), label);
  }
}

void add_processes(std::uint32_t master, std::uint32_t zygote, Exposition& to) {
  const auto self = static_cast<std::uint32_t>(::getpid());
  const auto memory = [&](const char* name, std::uint32_t pid) {
    to.add("process_memory_rss_bytes", number(read_rss_bytes(pid)),
           {{"process", name}});
  };
  // Without that of ended children: theirs is in worker_cpu_seconds_total.
  const auto cpu = [&](const char* name, std::uint32_t pid) {
    to.add("process_cpu_seconds_total", number(read_own_cpu_us(pid)) / 1e6,
           {{"process", name}});
  };
  memory("master", master);
  cpu("master", master);
  // Each generation has its own: its processor time would go back with every reload.
  if (zygote != 0) memory("zygote", zygote);
  memory("exporter", self);
  cpu("exporter", self);
}

}  // namespace

bool reload_in_progress(const Sight& sight) {
  const scoreboard::BoardReport& board = sight.board;
  if (board.generation == 0) return false;
  const auto is_old = [&](const SlotSight& slot) {
    return slot.row.serial != 0 && slot.row.generation != board.generation;
  };
  return board.candidate != 0 ||
         std::any_of(sight.slots.begin(), sight.slots.end(), is_old);
}

std::uint64_t serving_threads(const Sight& sight) {
  std::uint64_t threads = 0;
  for (const SlotSight& slot : sight.slots)
    if (slot.row.state == SlotState::serving) threads += slot.row.threads;
  return threads;
}

Running running_now(const Sight& sight) {
  Running running;
  for (const SlotSight& slot : sight.slots) {
    if (!slot.page) continue;
    for (const auto& thread : slot.page->threads) {
      if (thread.started_ns == 0) continue;
      ++running.requests;
      running.oldest_ns =
          std::max(running.oldest_ns, request_age_ns(slot, thread, sight.now_ns));
    }
  }
  return running;
}

void collect(const Sight& sight, Surroundings& around, Exposition& to) {
  add_server(sight, around, to);
  add_workers(sight, to);
  add_requests(sight, to);
  add_connections(sight, around, to);
  add_saturation(sight, around, to);
  add_slots(sight, around, to);
  add_processes(sight.board.master_pid, sight.board.zygote_pid, to);
  to.add("application_series_dropped_total", number(around.series_dropped));
  to.add("application_samples_left_out", number(around.samples_left_out));
  to.add("exporter_scrapes_total", number(around.scrapes));
  to.add("exporter_scrape_seconds_total", seconds(around.scrape_ns));
}

}  // namespace monodon::metrics

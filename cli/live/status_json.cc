// SPDX-License-Identifier: Apache-2.0
// A status as JSON, for programs.
#include "cli/live/status_json.h"

#include <nlohmann/json.hpp>

#include "cli/live/slot_text.h"

namespace monodon::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson json_of(const scoreboard::Totals& totals) {
  OrderedJson json{{"requests", totals.requests},
                   {"refused", totals.refused},
                   {"application_errors", totals.errors},
                   {"bytes_in", totals.bytes_in},
                   {"bytes_out", totals.bytes_out},
                   {"busy_seconds", static_cast<double>(totals.busy_ns) / 1e9},
                   {"accepted", totals.accepted},
                   {"accept_pauses", totals.accept_pauses},
                   {"handed_in", totals.handed_in},
                   {"handed_out", totals.handed_out},
                   {"dropped_fields", totals.dropped_fields},
                   {"static_files", totals.static_files},
                   {"log_lines_dropped", totals.log_lines_dropped},
                   {"slow_requests", totals.slow_requests},
                   {"deadlines", totals.deadlines}};
  OrderedJson responses;
  for (std::size_t i = 0; i + 1 < scoreboard::kClasses; ++i)
    responses[std::to_string(i + 1) + "xx"] = totals.responses[i];
  responses["none"] = totals.responses[scoreboard::kClasses - 1];
  json["responses"] = std::move(responses);
  return json;
}

OrderedJson json_of(const scoreboard::ThreadReport& thread, std::size_t index,
                    std::uint64_t now_ns) {
  return {{"thread", index},
          {"phase", scoreboard::name_of(thread.phase)},
          {"age", seconds_since(thread.started_ns, now_ns)},
          {"request", thread.request},
          {"remote_addr", thread.remote},
          {"request_id", thread.request_id}};
}

OrderedJson json_of(const SlotStatus& slot, std::uint64_t now_ns) {
  OrderedJson json{{"slot", slot.slot},
                   {"state", slot.state},
                   {"serial", slot.serial},
                   {"generation", slot.generation},
                   {"pid", slot.pid},
                   {"age", slot.age},
                   {"next_try", slot.next_try},
                   {"reason", slot.reason},
                   {"starts", slot.starts},
                   {"failures", slot.failures},
                   {"memory_bytes", slot.memory},
                   {"cpu_seconds", static_cast<double>(slot.cpu_us) / 1e6}};
  json["totals"] = json_of(slot.totals);
  if (!slot.page) {
    json["worker"] = nullptr;
    return json;
  }
  OrderedJson running = OrderedJson::array();
  for (std::size_t i = 0; i < slot.page->threads.size(); ++i)
    if (slot.page->threads[i].started_ns != 0)
      running.push_back(json_of(slot.page->threads[i], i, now_ns));
  json["worker"] = {{"state", scoreboard::name_of(slot.page->state)},
                    {"threads", slot.page->threads.size()},
                    {"heartbeat_age", seconds_since(slot.page->heartbeat_ns, now_ns)},
                    {"open_connections", slot.page->open_connections},
                    {"idle_connections", slot.page->idle_connections},
                    {"open_websockets", slot.page->open_websockets},
                    {"running", std::move(running)}};
  return json;
}

OrderedJson json_of(const scoreboard::EventReport& event) {
  return {{"time", static_cast<double>(event.unix_ns) / 1e9},
          {"kind", scoreboard::name_of(event.kind)},
          {"slot", event.slot},
          {"serial", event.serial},
          {"generation", event.generation},
          {"text", event.text}};
}

OrderedJson json_of(const std::optional<ServerStatus::Preload>& preload) {
  if (!preload) return nullptr;
  return {{"setting", preload->setting},
          {"shared", preload->shared},
          {"left_by_import", preload->because}};
}

OrderedJson json_of(const std::optional<ServerStatus::NoZygote>& zygote) {
  if (!zygote) return nullptr;
  return {{"reason", zygote->reason}, {"next_try", zygote->next_try}};
}

OrderedJson json_of(const std::optional<ServerStatus::LastReload>& last) {
  if (!last) return nullptr;
  return {{"outcome", last->outcome},
          {"generation", last->generation},
          {"time", last->unix_seconds},
          {"seconds", last->seconds},
          {"reason", last->reason}};
}

OrderedJson json_of(const std::vector<ServerStatus::Death>& deaths) {
  OrderedJson all = OrderedJson::array();
  for (const ServerStatus::Death& death : deaths)
    all.push_back({{"time", death.unix_seconds}, {"text", death.text}});
  return all;
}

}  // namespace

std::string status_json(const ServerStatus& status) {
  OrderedJson json{{"version", status.version},
                   {"pid", status.pid},
                   {"site", status.site},
                   {"application", status.application},
                   {"generation", status.generation},
                   {"candidate", status.candidate},
                   {"step", status.step},
                   {"fallback", nullptr},
                   {"fell_back", status.fell_back},
                   {"workers", status.workers},
                   {"stopping", status.stopping},
                   {"preload", json_of(status.preload)},
                   {"zygote", json_of(status.no_zygote)},
                   {"last_reload", json_of(status.last_reload)},
                   {"deaths", json_of(status.deaths)},
                   {"uptime", seconds_since(status.board.started_ns, status.now_ns)},
                   {"starts", status.board.starts}};
  if (status.fallback != 0)
    json["fallback"] = {{"generation", status.fallback},
                        {"seconds", status.fallback_seconds}};
  OrderedJson exits;
  for (std::size_t i = 0; i < scoreboard::kCauses; ++i)
    exits[std::string{scoreboard::name_of(static_cast<scoreboard::Cause>(i))}] =
        status.board.exits[i];
  json["exits"] = std::move(exits);
  OrderedJson reloads;
  for (std::size_t i = 0; i < scoreboard::kReloads; ++i)
    reloads[std::string{scoreboard::name_of(static_cast<scoreboard::Reload>(i))}] =
        status.board.reloads[i];
  json["reloads"] = std::move(reloads);
  json["listen_queues"] = OrderedJson::array();
  for (const QueueStatus& queue : status.queues)
    json["listen_queues"].push_back({{"listener", queue.listener},
                                     {"waiting", queue.waiting},
                                     {"limit", queue.limit}});
  json["waiting_in_workers"] = waiting_inside(status);
  json["slots"] = OrderedJson::array();
  scoreboard::Totals sum;
  for (const SlotStatus& slot : status.slots) {
    sum += slot.totals;
    json["slots"].push_back(json_of(slot, status.now_ns));
  }
  json["totals"] = json_of(sum);
  json["events"] = OrderedJson::array();
  for (const scoreboard::EventReport& event : status.board.events)
    json["events"].push_back(json_of(event));
  // Texts may hold any byte: what is no UTF-8 becomes U+FFFD instead of an exception.
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace monodon::cli

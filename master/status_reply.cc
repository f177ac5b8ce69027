// SPDX-License-Identifier: Apache-2.0
// What `monodon status` and `monodon top` learn from the master.
#include "master/status_reply.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/version.h"
#include "master/reload/way_back.h"
#include "scoreboard/segment.h"

namespace monodon::master {

namespace {

double seconds(Clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// `fds`: gets the page of the worker that is there, if it has room.
nlohmann::json slot_row(std::size_t index, const Pool::Slot& slot,
                        Clock::time_point now, std::vector<int>& fds) {
  nlohmann::json row{{"slot", index},
                     {"state", name_of(slot.view.state)},
                     {"starts", slot.starts},
                     {"failures", slot.failures}};
  if (occupied(slot.view.state)) {
    row["serial"] = slot.process.serial;
    row["pid"] = slot.process.pid;
    row["generation"] = slot.view.generation;
    row["threads"] = slot.threads;
    row["age"] = seconds(now - slot.asked_at);
    // Not before its worker has sealed it: the reader could write until then.
    if (scoreboard::is_sealed_for_owner(slot.process.page.get()) &&
        fds.size() < kMaxControlFds) {
      row["page"] = fds.size();
      fds.push_back(slot.process.page.get());
    }
  } else if (slot.view.may_start_at > now) {
    row["state"] = "resting";
    row["next_try"] = seconds(slot.view.may_start_at - now);
    if (!slot.reason.empty()) row["reason"] = slot.reason;
  }
  return row;
}

// The generation that can come back by itself, and for how long; null: none.
nlohmann::json fallback_of(const Fleet& fleet, Clock::time_point now) {
  if (!fleet.last().parked()) return nullptr;
  const std::uint32_t old = fleet.last().previous.generation;
  return {{"generation", old},
          {"seconds", seconds(fleet.last().until - now)},
          {"disk", warning_of_disk(fleet, old)}};
}

}  // namespace

std::string json_line(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<metrics::ListenerFacts> describe(const std::vector<Listener>& listeners) {
  std::vector<metrics::ListenerFacts> facts;
  for (const Listener& listener : listeners) {
    struct stat about {};
    if (::fstat(listener.fd.get(), &about) != 0) continue;
    facts.push_back({listener.info.address, listener.info.unix_socket, about.st_ino});
  }
  return facts;
}

namespace {

// Of the generation that serves. Null: nobody knows yet.
nlohmann::json preload_state(const Fleet& fleet) {
  const Nursery::Child* const zygote = fleet.nursery().find(fleet.generation());
  if (zygote == nullptr) return nullptr;
  const worker::Boot& boot = zygote->order.boot;
  return {{"setting", boot.settings.preload},
          {"shared", worker::preloads(boot)},
          {"left_by_import", boot.shared_state}};
}

// What is wrong with the zygote of the generation that serves; null: nothing, or no
// word of it yet.
nlohmann::json zygote_state(const Fleet& fleet, Clock::time_point now) {
  const Nursery::Child* const zygote = fleet.nursery().find(fleet.generation());
  if (zygote == nullptr || zygote->loaded || zygote->failure.empty()) return nullptr;
  const auto pause =
      zygote->alive ? Clock::duration::zero()
                    : std::max(zygote->may_start_at - now, Clock::duration::zero());
  return {{"reason", zygote->failure}, {"next_try", seconds(pause)}};
}

// The last one; null if there was none.
nlohmann::json json_of(const metrics::ReloadStory& story) {
  // The whole is in the log; an answer has an end.
  constexpr std::size_t kLongestReason = 16 * 1024;
  if (story.last_outcome.empty()) return nullptr;
  return {{"outcome", story.last_outcome},
          {"generation", story.last_generation},
          {"time", static_cast<std::int64_t>(story.last_ended_unix)},
          {"seconds", story.last_took},
          {"reason", story.last_reason.substr(0, kLongestReason)}};
}

nlohmann::json json_of(const std::deque<LastDeath>& deaths) {
  nlohmann::json all = nlohmann::json::array();
  for (const LastDeath& death : deaths)
    all.push_back({{"time", death.unix_seconds}, {"text", death.text}});
  return all;
}

}  // namespace

ControlReply status_reply(const Fleet& fleet, const StatusFacts& facts) {
  ControlReply reply;
  reply.fds.push_back(facts.board_fd);
  nlohmann::json listeners = nlohmann::json::array();
  for (const metrics::ListenerFacts& listener : facts.listeners)
    listeners.push_back({{"address", listener.address},
                         {"unix", listener.unix_socket},
                         {"inode", listener.inode}});
  nlohmann::json slots = nlohmann::json::array();
  const auto& all = fleet.pool().slots();
  for (std::size_t i = 0; i < all.size(); ++i)
    slots.push_back(slot_row(i, all[i], facts.now, reply.fds));
  reply.line = json_line({{"version", MONODON_VERSION},
                          {"pid", ::getpid()},
                          {"site", facts.site},
                          {"application", facts.application},
                          {"directory", facts.directory},
                          {"config", facts.config_file},
                          {"generation", fleet.generation()},
                          {"candidate", fleet.candidate()},
                          {"step", name_of(fleet.reload().step)},
                          {"reload", fleet.reload().generation},
                          {"fallback", fallback_of(fleet, facts.now)},
                          {"fell_back", facts.fell_back},
                          {"workers", fleet.workers()},
                          {"preload", preload_state(fleet)},
                          {"zygote", zygote_state(fleet, facts.now)},
                          {"last_reload", json_of(facts.reload)},
                          {"deaths", json_of(facts.deaths)},
                          {"stopping", facts.stopping},
                          {"upgrades", facts.upgrades},
                          {"board", 0},  // index of the board's descriptor
                          {"listeners", std::move(listeners)},
                          {"slots", std::move(slots)}});
  return reply;
}

}  // namespace monodon::master

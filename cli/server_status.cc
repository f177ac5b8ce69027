// SPDX-License-Identifier: Apache-2.0
#include "cli/server_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/memory.h"
#include "scoreboard/totals.h"

namespace monodon::cli {
namespace {

using Json = nlohmann::json;

// A value of `json`, or what a member that is missing or of another type stands for.
template <typename T>
T value_of(const Json& json, const char* key, T otherwise) {
  const auto found = json.find(key);
  if (found == json.end()) return otherwise;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<T>() : otherwise;
  } else if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? found->get<T>() : otherwise;
  } else {
    return found->is_number() ? found->get<T>() : otherwise;
  }
}

int descriptor(const Json& json, const char* key, const Answer& answer) {
  const auto index = value_of<std::int64_t>(json, key, -1);
  if (index < 0 || index >= static_cast<std::int64_t>(answer.fds.size())) return -1;
  return answer.fds[static_cast<std::size_t>(index)].get();
}

// The worker's own page, if it still is the one that the answer is about.
void add_page(SlotStatus& slot, int fd, std::uint32_t threads, std::uint64_t now_ns) {
  if (fd < 0 || slot.serial == 0) return;
  auto view = scoreboard::PageView::open(fd, threads);
  if (!view) return;
  slot.page = view.value().read();
  const auto age = static_cast<std::uint64_t>(std::max(slot.age, 0.0) * 1e9);
  scoreboard::CounterGuard guard{threads, now_ns - std::min(age, now_ns)};
  slot.totals += guard.observe(slot.page->totals, now_ns);
}

SlotStatus read_slot(const Json& row, const ServerStatus& status,
                     const Answer& answer) {
  SlotStatus slot;
  slot.slot = value_of<std::uint32_t>(row, "slot", 0);
  slot.state = value_of<std::string>(row, "state", "unknown");
  slot.serial = value_of<std::uint32_t>(row, "serial", 0);
  slot.generation = value_of<std::uint32_t>(row, "generation", 0);
  slot.pid = std::max<std::int64_t>(value_of<std::int64_t>(row, "pid", 0), 0);
  slot.age = value_of<double>(row, "age", 0);
  slot.next_try = value_of<double>(row, "next_try", 0);
  slot.starts = value_of<std::uint64_t>(row, "starts", 0);
  slot.failures = value_of<std::uint64_t>(row, "failures", 0);
  bool folded = false;
  if (slot.slot < status.board.slots.size()) {
    const scoreboard::SlotReport& known = status.board.slots[slot.slot];
    slot.totals = known.ended;
    // The worker may have ended since the answer was made: then its counters are in
    // `ended` already, and its page is history.
    folded = known.state.has_value() && known.serial != slot.serial;
  }
  const auto threads = value_of<std::uint32_t>(row, "threads", 1);
  if (!folded) add_page(slot, descriptor(row, "page", answer), threads, status.now_ns);
  if (slot.pid > 0) slot.memory = pss_bytes(std::to_string(slot.pid));
  return slot;
}

}  // namespace

Result<ServerStatus> read_status(const Answer& answer) {
  const Json json = Json::parse(answer.line, nullptr, false);
  if (!json.is_object() || !json.contains("slots") || !json["slots"].is_array())
    return Error{"the server's answer is no status; is it of another version?"};
  ServerStatus status;
  status.version = value_of<std::string>(json, "version", "");
  status.pid = value_of<std::int64_t>(json, "pid", 0);
  status.application = value_of<std::string>(json, "application", "");
  status.generation = value_of<std::uint32_t>(json, "generation", 0);
  status.candidate = value_of<std::uint32_t>(json, "candidate", 0);
  status.workers = value_of<std::uint32_t>(json, "workers", 0);
  status.stopping = value_of<bool>(json, "stopping", false);
  if (const int fd = descriptor(json, "board", answer); fd >= 0) {
    auto view = scoreboard::BoardView::open(fd);
    if (!view) return view.error();
    status.board = view.value().read();
  }
  status.now_ns = monotonic_ns();
  for (const Json& row : json["slots"])
    if (row.is_object()) status.slots.push_back(read_slot(row, status, answer));
  return status;
}

}  // namespace monodon::cli

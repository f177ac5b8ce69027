// SPDX-License-Identifier: Apache-2.0
// The whole state of a running server, read from its pages and its answer.
#include "cli/live/server_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/machine/memory.h"
#include "base/text/escape.h"
#include "cli/live/kernel_facts.h"
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

SlotStatus slot_in(const Json& row) {
  SlotStatus slot;
  slot.slot = value_of<std::uint32_t>(row, "slot", 0);
  append_printable(slot.state, value_of<std::string>(row, "state", "unknown"));
  slot.serial = value_of<std::uint32_t>(row, "serial", 0);
  slot.generation = value_of<std::uint32_t>(row, "generation", 0);
  slot.pid = std::max<std::int64_t>(value_of<std::int64_t>(row, "pid", 0), 0);
  slot.age = value_of<double>(row, "age", 0);
  slot.next_try = value_of<double>(row, "next_try", 0);
  slot.reason = value_of<std::string>(row, "reason", {});
  slot.starts = value_of<std::uint64_t>(row, "starts", 0);
  slot.failures = value_of<std::uint64_t>(row, "failures", 0);
  return slot;
}

double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return static_cast<double>(elapsed_ns(from_ns, to_ns)) / 1e9;
}

// What the board says now, in place of what the answer said then.
void bring_up_to_date(SlotStatus& slot, const scoreboard::SlotReport& row,
                      std::uint64_t now_ns) {
  slot.totals = row.ended;
  if (!row.state) return;
  slot.state = scoreboard::name_of(*row.state);
  slot.serial = row.serial;
  slot.generation = row.generation;
  slot.pid = row.pid;
  slot.age = row.serial != 0 ? seconds_between(row.since_ns, now_ns) : 0;
  slot.next_try = seconds_between(now_ns, row.next_try_ns);
  slot.starts = row.starts;
  slot.failures = row.failures;
}

std::optional<ServerStatus::Preload> preload_in(const Json& json) {
  const auto found = json.find("preload");
  if (found == json.end() || !found->is_object()) return std::nullopt;
  ServerStatus::Preload preload;
  preload.setting = value_of<std::string>(*found, "setting", "");
  preload.shared = value_of<bool>(*found, "shared", true);
  if (const auto lines = found->find("left_by_import");
      lines != found->end() && lines->is_array())
    for (const Json& line : *lines)
      if (line.is_string()) preload.because.push_back(line);
  return preload;
}

std::optional<ServerStatus::NoZygote> no_zygote_in(const Json& json) {
  const auto found = json.find("zygote");
  if (found == json.end() || !found->is_object()) return std::nullopt;
  return ServerStatus::NoZygote{value_of<std::string>(*found, "reason", ""),
                                value_of<double>(*found, "next_try", 0)};
}

std::optional<ServerStatus::LastReload> last_reload_in(const Json& json) {
  const auto found = json.find("last_reload");
  if (found == json.end() || !found->is_object()) return std::nullopt;
  return ServerStatus::LastReload{value_of<std::string>(*found, "outcome", ""),
                                  value_of<std::uint32_t>(*found, "generation", 0),
                                  value_of<std::int64_t>(*found, "time", 0),
                                  value_of<double>(*found, "seconds", 0),
                                  value_of<std::string>(*found, "reason", "")};
}

std::vector<ServerStatus::Death> deaths_in(const Json& json) {
  std::vector<ServerStatus::Death> deaths;
  if (const auto rows = json.find("deaths"); rows != json.end() && rows->is_array())
    for (const Json& row : *rows)
      if (row.is_object())
        deaths.push_back({value_of<std::int64_t>(row, "time", 0),
                          value_of<std::string>(row, "text", "")});
  return deaths;
}

}  // namespace

struct ServerView::Page {
  std::uint32_t serial = 0;
  scoreboard::PageView view;
  scoreboard::CounterGuard guard;
};

ServerView::ServerView() = default;
ServerView::ServerView(ServerView&&) noexcept = default;
ServerView& ServerView::operator=(ServerView&&) noexcept = default;
ServerView::~ServerView() = default;

Result<ServerView> ServerView::open(const Answer& answer) {
  const Json json = Json::parse(answer.line, nullptr, false);
  if (!json.is_object() || !json.contains("slots") || !json["slots"].is_array())
    return Error{"the server's answer is no status; is it of another version?"};
  ServerView view;
  view.then_.version = value_of<std::string>(json, "version", "");
  view.then_.pid = value_of<std::int64_t>(json, "pid", 0);
  view.then_.site = value_of<std::string>(json, "site", "");
  view.then_.application = value_of<std::string>(json, "application", "");
  view.then_.generation = value_of<std::uint32_t>(json, "generation", 0);
  view.then_.candidate = value_of<std::uint32_t>(json, "candidate", 0);
  view.then_.step = value_of<std::string>(json, "step", "none");
  view.then_.reload = value_of<std::uint32_t>(json, "reload", 0);
  if (const auto back = json.find("fallback");
      back != json.end() && back->is_object()) {
    view.then_.fallback = value_of<std::uint32_t>(*back, "generation", 0);
    view.then_.fallback_seconds = value_of<double>(*back, "seconds", 0);
    view.then_.fallback_disk = value_of<std::string>(*back, "disk", "");
  }
  view.then_.fell_back = value_of<std::string>(json, "fell_back", "");
  view.then_.workers = value_of<std::uint32_t>(json, "workers", 0);
  view.then_.stopping = value_of<bool>(json, "stopping", false);
  view.then_.preload = preload_in(json);
  view.then_.no_zygote = no_zygote_in(json);
  view.then_.last_reload = last_reload_in(json);
  view.then_.deaths = deaths_in(json);
  if (const auto listeners = json.find("listeners");
      listeners != json.end() && listeners->is_array())
    for (const Json& row : *listeners)
      if (row.is_object())
        view.then_.listeners.push_back({value_of<std::string>(row, "address", ""),
                                        value_of<bool>(row, "unix", false),
                                        value_of<std::uint64_t>(row, "inode", 0)});
  if (const int fd = descriptor(json, "board", answer); fd >= 0) {
    auto board = scoreboard::BoardView::open(fd);
    if (!board) return board.error();
    view.board_.emplace(std::move(board).value());
  }
  const std::uint64_t now = monotonic_ns();
  for (const Json& row : json["slots"]) {
    if (!row.is_object()) continue;
    const SlotStatus slot = slot_in(row);
    view.then_.slots.push_back(slot);
    const int fd = descriptor(row, "page", answer);
    const auto threads = value_of<std::uint32_t>(row, "threads", 1);
    if (fd < 0 || slot.serial == 0) continue;
    auto page = scoreboard::PageView::open(fd, threads);
    if (!page) continue;
    const auto age = static_cast<std::uint64_t>(std::max(slot.age, 0.0) * 1e9);
    view.pages_.insert_or_assign(
        slot.slot, Page{slot.serial, std::move(page).value(),
                        scoreboard::CounterGuard{threads, now - std::min(age, now)}});
  }
  return view;
}

ServerStatus ServerView::read() {
  ServerStatus status = then_;
  if (board_) status.board = board_->read();
  status.now_ns = monotonic_ns();
  if (board_) {
    status.generation = status.board.generation;
    status.candidate = status.board.candidate;
    status.workers = status.board.wanted;
    status.stopping = status.board.stopping;
    if (status.generation != then_.generation || status.candidate != then_.candidate) {
      status.step = status.candidate != 0 ? "importing" : "none";
      status.reload = status.candidate;
    }
  }
  const auto& rows = status.board.slots;
  for (auto i = status.slots.size(); i < rows.size(); ++i)
    status.slots.emplace_back().slot = static_cast<std::uint32_t>(i);
  outdated_ = false;
  for (SlotStatus& slot : status.slots) {
    if (slot.slot < rows.size()) bring_up_to_date(slot, rows[slot.slot], status.now_ns);
    if (slot.serial == 0) continue;
    const auto page = pages_.find(slot.slot);
    // The counters of one that has ended since are in the board's totals already.
    if (page == pages_.end() || page->second.serial != slot.serial) {
      outdated_ = true;
      continue;
    }
    slot.page = page->second.view.read();
    slot.totals += page->second.guard.observe(slot.page->totals, status.now_ns);
  }
  return status;
}

Result<ServerStatus> read_status(const Answer& answer) {
  auto view = ServerView::open(answer);
  if (!view) return view.error();
  ServerStatus status = view.value().read();
  add_kernel_facts(status);
  for (SlotStatus& slot : status.slots)
    if (slot.pid > 0) slot.memory = pss_bytes(std::to_string(slot.pid));
  return status;
}

}  // namespace monodon::cli

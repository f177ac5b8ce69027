// SPDX-License-Identifier: Apache-2.0
// What the dashboard says first, as sentences.
#include "metrics/page/page_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text/spell.h"
#include "base/text/text.h"
#include "metrics/observation/health.h"

namespace monodon::metrics {
namespace {

using scoreboard::EventKind;
using scoreboard::SlotState;

constexpr std::uint64_t kLongNs = 1'000'000'000;
constexpr std::uint64_t kOftenInARow = 3;

std::string counted(std::uint64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

std::uint64_t filled(const Sight& sight) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(sight.slots, [](const SlotSight& slot) {
        return slot.row.state && *slot.row.state != SlotState::vacant;
      }));
}

// "3 of 4 workers serve; 1 rests after a failure"
std::string workers_in_words(const Sight& sight, const Capacity& now) {
  const auto all = std::max<std::uint64_t>(sight.board.wanted, filled(sight));
  std::string text =
      fmt::format("{} of {} {}", now.serving, counted(all, "worker", "workers"),
                  now.serving == 1 || all == 1 ? "serves" : "serve");
  if (now.hanging != 0)
    text +=
        fmt::format("; {} not move", counted(now.hanging, "worker does", "workers do"));
  const auto resting = static_cast<std::uint64_t>(std::ranges::count_if(
      sight.slots,
      [](const SlotSight& slot) { return slot.row.state == SlotState::resting; }));
  if (resting != 0)
    text += fmt::format("; {} after a failure",
                        counted(resting, "slot waits", "slots wait"));
  return text;
}

std::string saturation_in_words(const Capacity& now, std::uint32_t waiting) {
  std::string text = now.threads == 1
                         ? "the only thread is busy"
                         : fmt::format("all {} threads are busy", now.threads);
  text += ", the oldest request for " + spell_ns(now.oldest_ns);
  if (waiting != 0)
    text += "; " + counted(waiting, "connection waits", "connections wait");
  return text;
}

// No worker has, and none has failed either.
bool has_ever_served(const Sight& sight) {
  const auto served = [](std::uint64_t count) { return count != 0; };
  return std::ranges::any_of(sight.board.boots, served) ||
         std::ranges::any_of(sight.board.exits, served);
}

std::string crash_notice(const Sight& sight) {
  const SlotSight* worst = nullptr;
  std::size_t number = 0;
  std::uint64_t slots = 0;
  for (std::size_t i = 0; i < sight.slots.size(); ++i) {
    const auto& row = sight.slots[i].row;
    if (row.failures < kOftenInARow || row.state == SlotState::vacant) continue;
    ++slots;
    if (worst != nullptr && worst->row.failures >= row.failures) continue;
    worst = &sight.slots[i];
    number = i;
  }
  if (worst == nullptr) return {};
  std::string text =
      fmt::format("workers fail again and again: slot {} has failed {} times in a row",
                  number, worst->row.failures);
  if (slots > 1)
    text += fmt::format(", and {} more", counted(slots - 1, "slot", "slots"));
  if (const std::uint64_t next = worst->row.next_try_ns; next > sight.now_ns)
    text += "; next try in " + spell_ns(next - sight.now_ns);
  return text;
}

std::string reload_notice(const ReloadStory& story, std::uint32_t serves) {
  const auto which = [&](const char* what) {
    return story.last_generation == 0
               ? fmt::format("the last reload {}", what)
               : fmt::format("the last reload, to generation {}, {}",
                             story.last_generation, what);
  };
  if (story.last_outcome == "refused")
    return which("was refused") + fmt::format("; generation {} serves on", serves);
  if (story.last_outcome == "rolled_back")
    return which("was rolled back") +
           fmt::format("; generation {} serves again", serves);
  if (story.last_outcome == "fell_back")
    return fmt::format("generation {} could not be kept; generation {} serves again",
                       story.last_generation, serves);
  return {};
}

std::string log_notice(std::uint64_t lines) {
  if (lines == 0) return {};
  return counted(lines, "line is", "lines are") +
         " missing in the logs, some of them for less than ten minutes: "
         "`monodon doctor` says whether a disk is full";
}

// "generation 3 was refused: ImportError: ...", without the traceback that follows: it
// stands where the last reload is told.
std::string with_reason(std::string text, const scoreboard::EventReport& event,
                        bool full) {
  if (event.text.empty() || !full) return text;
  return text + ": " + event.text.substr(0, event.text.find('\n'));
}

}  // namespace

std::string spell_ns(std::uint64_t ns) {
  return spell(std::chrono::nanoseconds{static_cast<std::int64_t>(ns)});
}

std::uint32_t waiting_now(const Surroundings& around) {
  std::uint32_t waiting = around.waiting_inside;
  for (const auto& [address, history] : around.queues)
    waiting += history.last().waiting;
  return waiting;
}

PageState page_state(const Sight& sight, const Surroundings& around) {
  if (const Verdict alive = healthy(sight); !alive.good)
    return {"not ready", std::string{without_final_newlines(alive.text)}};
  if (sight.board.stopping)
    return {"stopping", "requests may finish; no new ones come"};
  const Capacity now = capacity(sight);
  if (now.serving == 0 && !has_ever_served(sight))
    return {"starting", "the application is being imported"};
  const std::string workers = workers_in_words(sight, now);
  const std::uint32_t needed = around.facts.ready_workers;
  if (now.serving < needed)
    return {"not ready",
            workers + fmt::format("; {} needed", counted(needed, "worker is", "are"))};
  const std::uint32_t waiting = waiting_now(around);
  if (now.saturated() && (waiting != 0 || now.oldest_ns >= kLongNs))
    return {"saturated", saturation_in_words(now, waiting)};
  return {"ready", workers};
}

std::vector<std::string> page_notices(const Sight& sight, const Surroundings& around) {
  std::vector<std::string> notices;
  for (std::string text :
       {crash_notice(sight), reload_notice(around.reload, sight.board.generation),
        log_notice(around.log_loss.lately(sight.now_ns))})
    if (!text.empty()) notices.push_back(std::move(text));
  return notices;
}

std::string event_text(const scoreboard::EventReport& event, bool full) {
  const std::string whose = fmt::format("worker {} (serial {}, generation {})",
                                        event.slot, event.serial, event.generation);
  const std::string code = fmt::format("generation {}", event.generation);
  switch (event.kind.value_or(EventKind::master_started)) {
    case EventKind::worker_ended:
      return event.text;  // the master's own sentence
    case EventKind::worker_ready:
      return whose + " serves";
    case EventKind::worker_stuck:
      return whose + " is stuck: " + event.text;
    case EventKind::generation_committed:
      return event.generation == 1 ? code + " serves" : "all workers are of " + code;
    case EventKind::generation_refused:
      return with_reason(code + " was refused", event, full);
    case EventKind::generation_rolled_back:
      return with_reason(code + " is rolled back", event, full);
    case EventKind::generation_worse:
      return with_reason(code + " answers worse than the code before", event, true);
    case EventKind::generation_fell_back:
      return with_reason(code + " could not be kept; the code before it comes back",
                         event, full);
    case EventKind::master_started:
    case EventKind::master_stopping:
    case EventKind::worker_started:
    case EventKind::generation_proposed:
      break;
  }
  return std::string{name_of(event.kind)} + (event.text.empty() ? "" : ": ") +
         event.text;
}

}  // namespace monodon::metrics

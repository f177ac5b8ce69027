// SPDX-License-Identifier: Apache-2.0
// The words for a slot that status, top and trace share.
#include "cli/live/slot_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"

namespace monodon::cli {

std::string spell_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f}s", std::max(seconds, 0.0));
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 120) return fmt::format("{}s", whole);
  if (whole < 7200) return fmt::format("{}m", whole / 60);
  if (whole < 172'800) return fmt::format("{}h", whole / 3600);
  return fmt::format("{}d", whole / 86'400);
}

std::string spell_bytes(std::uint64_t bytes) {
  if (bytes == 0) return "-";
  return fmt::format("{:.1f}M", static_cast<double>(bytes) / (1 << 20));
}

double seconds_since(std::uint64_t then_ns, std::uint64_t now_ns) {
  return static_cast<double>(scoreboard::age_ns(then_ns, now_ns)) / 1e9;
}

std::string state_of(const SlotStatus& slot) {
  if (slot.state == "serving" && slot.page) {
    const bool works = std::ranges::any_of(
        slot.page->threads, [](const auto& thread) { return thread.started_ns != 0; });
    return works ? "busy" : "idle";
  }
  if (slot.state == "resting") return "rests " + spell_seconds(slot.next_try);
  return slot.state;
}

std::string running_text(const scoreboard::ThreadReport& thread, std::uint64_t now_ns) {
  std::string line = spell_seconds(seconds_since(thread.started_ns, now_ns)) + "  ";
  if (thread.torn) return line + "(not readable)";
  append_escaped(line, thread.request);
  if (!thread.remote.empty()) line += "  from ";
  append_escaped(line, thread.remote);
  return line;
}

std::vector<std::string> running(const SlotStatus& slot, std::uint64_t now_ns) {
  std::vector<std::string> all;
  if (!slot.page) return all;
  for (const scoreboard::ThreadReport& thread : slot.page->threads)
    if (thread.started_ns != 0) all.push_back(running_text(thread, now_ns));
  return all;
}

std::string queue_text(const ServerStatus& status) {
  std::string text;
  for (const QueueStatus& queue : status.queues) {
    text += fmt::format("  queue {}/{} at ", queue.waiting, queue.limit);
    append_escaped(text, queue.listener);
  }
  return text;
}

bool ever_used(const SlotStatus& slot) {
  return slot.pid != 0 || slot.starts != 0 || slot.state != "vacant";
}

}  // namespace monodon::cli

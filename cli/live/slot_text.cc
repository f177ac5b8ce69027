// SPDX-License-Identifier: Apache-2.0
// The words for a slot that status, top and trace share.
#include "cli/live/slot_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/text/escape.h"
#include "scoreboard/waiting.h"

namespace monodon::cli {

std::string spell_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", std::max(seconds, 0.0));
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min", whole / 60);
  if (whole < 172'800) return fmt::format("{} h", whole / 3600);
  return fmt::format("{} d", whole / 86'400);
}

std::string spell_bytes(std::uint64_t bytes) {
  if (bytes == 0) return "-";
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1024 ? fmt::format("{:.1f} MiB", mib)
                    : fmt::format("{:.2f} GiB", mib / 1024);
}

std::string spell_rate(double per_second) {
  if (per_second >= 99'950) return fmt::format("{:.0f}k", per_second / 1000);
  return fmt::format("{:.{}f}", per_second, per_second < 999.5 ? 1 : 0);
}

std::string spell_latency(double seconds) {
  if (seconds < 0) return "-";
  if (seconds < 0.01) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  return spell_seconds(seconds);
}

std::string spell_moment(std::int64_t unix_seconds) {
  const std::time_t when = unix_seconds;
  const std::int64_t ago = std::max<std::int64_t>(std::time(nullptr) - when, 0);
  std::tm local{};
  if (::localtime_r(&when, &local) == nullptr) return "?";
  return (ago < 86'400 ? fmt::format("{:%H:%M:%S}", local)
                       : fmt::format("{:%Y-%m-%d %H:%M}", local)) +
         " (" + spell_seconds(static_cast<double>(ago)) + " ago)";
}

Strength strength_of(const ServerStatus& status) {
  Strength all;
  for (const SlotStatus& slot : status.slots) {
    all.serving += slot.state == "serving" ? 1U : 0U;
    if (!slot.page) continue;
    all.threads += slot.page->threads.size();
    for (const auto& thread : slot.page->threads) {
      if (thread.started_ns == 0) continue;
      ++all.busy;
      all.oldest =
          std::max(all.oldest, seconds_since(thread.started_ns, status.now_ns));
    }
  }
  return all;
}

std::uint64_t waiting_inside(const ServerStatus& status) {
  scoreboard::WaitingInside waiting;
  scoreboard::Totals sum;
  for (const SlotStatus& slot : status.slots) {
    sum += slot.totals;
    if (slot.page && slot.state == "serving") waiting.note(*slot.page);
  }
  return waiting.count(sum);
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
  if (const std::uint64_t inside = waiting_inside(status); inside != 0)
    text += fmt::format("  {} waiting in workers", inside);
  return text;
}

bool ever_used(const SlotStatus& slot) {
  return slot.pid != 0 || slot.starts != 0 || slot.state != "vacant";
}

}  // namespace monodon::cli

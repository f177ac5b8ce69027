// SPDX-License-Identifier: Apache-2.0
// All sites of a machine, one line each.
#include "cli/live/sites_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text/escape.h"
#include "cli/live/slot_text.h"

namespace monodon::cli {
namespace {

constexpr std::size_t kSiteColumns = 14;
using SiteRow = std::array<std::string, kSiteColumns>;

// A thread that is busy for less is what servers are for.
constexpr double kLong = 1;

std::string escaped(std::string_view text) {
  std::string safe;
  append_escaped(safe, text);
  return safe;
}

std::string last_reload(const ServerStatus& status) {
  if (!status.last_reload) return "-";
  std::string text = escaped(status.last_reload->outcome);
  std::replace(text.begin(), text.end(), '_', ' ');
  const auto ago =
      std::max<std::int64_t>(std::time(nullptr) - status.last_reload->unix_seconds, 0);
  return text + " " + spell_seconds(static_cast<double>(ago)) + " ago";
}

// Requests, errors and p99: measured by top, or since the start.
std::array<std::string, 3> traffic(const SiteLook& look) {
  if (look.pace)
    return {spell_rate(look.pace->requests), spell_rate(look.pace->errors),
            spell_latency(look.pace->p99)};
  scoreboard::Totals sum;
  for (const SlotStatus& slot : look.status->slots) sum += slot.totals;
  std::array<std::uint64_t, scoreboard::kBuckets> durations{};
  for (const auto& of_class : sum.duration)
    for (std::size_t b = 0; b < scoreboard::kBuckets; ++b) durations[b] += of_class[b];
  return {std::to_string(sum.requests),
          std::to_string(sum.responses[4] + sum.responses[5]),
          spell_latency(quantile(durations, 0.99))};
}

std::string queue(const ServerStatus& status) {
  if (status.queues.empty()) return "-";
  std::uint64_t waiting = waiting_inside(status);
  for (const QueueStatus& one : status.queues) waiting += one.waiting;
  return std::to_string(waiting);
}

SiteRow row_of(const SiteLook& look) {
  SiteRow row;
  row.fill("-");
  row[0] = escaped(look.name);
  row[1] = escaped(look.user);
  if (!look.status) {
    row[2] = escaped(look.why);
    return row;
  }
  const ServerStatus& status = *look.status;
  const Strength strength = strength_of(status);
  row[2] = state_of(status);
  row[3] = fmt::format("{}/{}", strength.serving, status.workers);
  row[4] = fmt::format("{}/{}", strength.busy, strength.threads);
  row[5] = queue(status);
  const auto counts = traffic(look);
  std::copy(counts.begin(), counts.end(), row.begin() + 6);
  std::uint64_t memory = 0;
  for (const SlotStatus& slot : status.slots) memory += slot.memory;
  row[9] = spell_bytes(memory);
  if (status.board.started_ns != 0)
    row[10] = spell_seconds(seconds_since(status.board.started_ns, status.now_ns));
  row[11] = last_reload(status);
  row[12] = std::to_string(status.pid);
  if (!status.listeners.empty()) row[13] = escaped(status.listeners.front().address);
  return row;
}

}  // namespace

std::string state_of(const ServerStatus& status) {
  const Strength strength = strength_of(status);
  if (status.stopping) return "stopping";
  if (strength.serving == 0) return "no worker serves";
  if (strength.threads != 0 && strength.busy == strength.threads &&
      strength.oldest >= kLong)
    return "saturated for " + spell_seconds(strength.oldest);
  if (status.candidate != 0 || (!status.step.empty() && status.step != "none"))
    return "reloading";
  if (strength.serving < status.workers)
    return fmt::format("{} of {} serve", strength.serving, status.workers);
  return "ready";
}

std::vector<std::string> site_lines(const std::vector<SiteLook>& looks) {
  const bool rates = std::any_of(looks.begin(), looks.end(), [](const SiteLook& look) {
    return look.pace.has_value();
  });
  std::vector<SiteRow> rows{{"SITE", "USER", "STATE", "WORKERS", "BUSY", "QUEUE",
                             rates ? "REQ/S" : "REQUESTS", rates ? "ERR/S" : "ERRORS",
                             "P99", "MEMORY", "UP", "LAST RELOAD", "PID", "ADDRESS"}};
  for (const SiteLook& look : looks) rows.push_back(row_of(look));
  // The reason of one that does not answer runs over the columns that it has not.
  std::array<std::size_t, kSiteColumns> widths{};
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t c = 0; c < kSiteColumns; ++c)
      if (i == 0 || looks[i - 1].status || c < 2)
        widths[c] = std::max(widths[c], rows[i][c].size());
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string line;
    const std::size_t count = i == 0 || looks[i - 1].status ? kSiteColumns : 3;
    for (std::size_t c = 0; c < count; ++c)
      line += c < 3 || c == 11 || c == 13
                  ? fmt::format("{:<{}}  ", rows[i][c], widths[c])
                  : fmt::format("{:>{}}  ", rows[i][c], widths[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace monodon::cli

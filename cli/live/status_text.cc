// SPDX-License-Identifier: Apache-2.0
// A status as a table, for people.
#include "cli/live/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text/escape.h"
#include "base/text/text.h"
#include "cli/live/slot_text.h"

namespace monodon::cli {
namespace {

constexpr std::size_t kStatusColumns = 9;
using StatusRow = std::array<std::string, kStatusColumns>;

std::uint64_t failed(const scoreboard::Totals& totals) {
  return totals.responses[4] + totals.responses[5];
}

// Why there is no process, if none could be made.
std::string reason_of(const SlotStatus& slot) {
  std::string text;
  if (slot.state == "resting") append_escaped(text, slot.reason);
  return text;
}

void add_rows(std::vector<StatusRow>& rows, const SlotStatus& slot,
              std::uint64_t now_ns) {
  const auto requests = running(slot, now_ns);
  const bool alive = slot.pid != 0;
  rows.push_back({std::to_string(slot.slot), state_of(slot),
                  alive ? std::to_string(slot.generation) : "-",
                  alive ? std::to_string(slot.pid) : "-",
                  alive ? spell_seconds(slot.age) : "-",
                  std::to_string(slot.totals.requests),
                  std::to_string(failed(slot.totals)), spell_bytes(slot.memory),
                  requests.empty() ? reason_of(slot) : requests.front()});
  for (std::size_t i = 1; i < requests.size(); ++i) {
    rows.emplace_back();
    rows.back().back() = requests[i];
  }
}

std::string laid_out(const std::vector<StatusRow>& rows) {
  // Numbers to the right, texts to the left.
  constexpr std::array<bool, kStatusColumns> kRight{true, false, true, true, true,
                                                    true, true,  true, false};
  std::array<std::size_t, kStatusColumns> widths{};
  for (const StatusRow& row : rows)
    for (std::size_t i = 0; i < kStatusColumns; ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const StatusRow& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < kStatusColumns; ++i)
      line += kRight[i] ? fmt::format("{:>{}}  ", row[i], widths[i])
                        : fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

// A step that this program does not know is shown as it is called.
std::string reload_of(const ServerStatus& status) {
  const std::string& step = status.step;
  if (step.empty() || step == "none") return {};
  if (step == "importing")
    return fmt::format(", generation {} is being imported", status.reload);
  if (step == "rehearsing")
    return fmt::format(", generation {} answers requests inside itself", status.reload);
  if (step == "canary")
    return fmt::format(", generation {} is tried by one worker", status.reload);
  if (step == "restoring")
    return fmt::format(", going back from generation {}", status.reload);
  std::string text = fmt::format(", generation {} is ", status.reload);
  append_escaped(text, step);
  return text;
}

void add_no_zygote(std::string& text, const ServerStatus& status) {
  if (!status.no_zygote) return;
  text +=
      fmt::format("no new worker of generation {} can be started, ", status.generation);
  text +=
      status.no_zygote->next_try > 0
          ? fmt::format("next try in {}: ", spell_seconds(status.no_zygote->next_try))
          : "its zygote is being started again: ";
  append_printable(text, status.no_zygote->reason);
  text += "\n";
}

void add_last_reload(std::string& text, const ServerStatus& status) {
  if (!status.last_reload) return;
  const ServerStatus::LastReload& last = *status.last_reload;
  std::string outcome;
  append_escaped(outcome, last.outcome);
  std::replace(outcome.begin(), outcome.end(), '_', ' ');
  text += fmt::format("last reload: {} at {}, after {}", outcome,
                      spell_moment(last.unix_seconds), spell_seconds(last.seconds));
  if (last.generation != 0) text += fmt::format(", generation {}", last.generation);
  text += "\n";
  if (last.reason.empty()) return;
  text += "  ";
  append_printable_lines(text, last.reason, "  ");
  text += "\n";
}

void add_deaths(std::string& text, const ServerStatus& status) {
  if (status.deaths.empty()) return;
  text += "last deaths of workers:\n";
  for (const ServerStatus::Death& death : status.deaths) {
    text += "  " + spell_moment(death.unix_seconds) + "  ";
    append_printable(text, death.text);
    text += "\n";
  }
}

void add_log_loss(std::string& text, const ServerStatus& status) {
  std::uint64_t lines = 0;
  for (const SlotStatus& slot : status.slots) lines += slot.totals.log_lines_dropped;
  if (lines == 0) return;
  text += fmt::format(
      "{} {} missing in the logs (`monodon doctor` says whether a disk "
      "is full)\n",
      lines, lines == 1 ? "line is" : "lines are");
}

std::string websockets_of(const ServerStatus& status) {
  std::uint64_t open = 0;
  for (const SlotStatus& slot : status.slots)
    if (slot.page) open += slot.page->open_websockets;
  if (open == 0) return {};
  return fmt::format(", {} {} open", open, open == 1 ? "WebSocket" : "WebSockets");
}

std::string headline(const ServerStatus& status) {
  std::string text = "monodon ";
  append_escaped(text, status.version);
  text += fmt::format(", pid {}, ", status.pid);
  if (!status.site.empty()) {
    append_escaped(text, status.site);
    text += ": ";
  }
  append_escaped(text, status.application);
  const Strength strength = strength_of(status);
  text += fmt::format("\ngeneration {}, {} of {} {}", status.generation,
                      strength.serving, status.workers,
                      status.workers == 1 ? "worker serves" : "workers serve");
  if (strength.threads != 0)
    text += fmt::format(", {} of {} threads busy", strength.busy, strength.threads);
  text += websockets_of(status);
  if (status.board.started_ns != 0)
    text +=
        ", up " + spell_seconds(seconds_since(status.board.started_ns, status.now_ns));
  text += reload_of(status);
  if (status.stopping) text += ", stopping";
  text += queue_text(status);
  if (status.preload)
    for (const std::string& line : preload_lines(*status.preload)) text += "\n" + line;
  text += "\n";
  add_no_zygote(text, status);
  if (status.fallback != 0) {
    text += fmt::format("if the new code crashes, generation {} comes back, for {} more",
                        status.fallback, spell_seconds(status.fallback_seconds));
    append_printable(text, status.fallback_disk);
    text += "\n";
  }
  add_last_reload(text, status);
  add_deaths(text, status);
  add_log_loss(text, status);
  if (!status.fell_back.empty()) {
    append_printable(text, status.fell_back);
    text += "\n";
  }
  return text;
}

}  // namespace

std::vector<std::string> preload_lines(const ServerStatus::Preload& preload) {
  if (preload.shared) return {"workers share one import of the application"};
  std::string text = "each worker imports the application by itself";
  const char* before = ", since its import leaves ";
  for (const std::string& line : preload.because) {
    text += before;
    append_escaped(text, line);
    before = "; ";
  }
  return {text,
          "so no old code is in memory: a worker that is replaced runs what is on the "
          "disk"};
}

std::string status_table(const ServerStatus& status) {
  std::vector<StatusRow> rows{{"SLOT", "STATE", "GEN", "PID", "AGE", "REQUESTS",
                               "ERRORS", "MEMORY", "RUNNING"}};
  for (const SlotStatus& slot : status.slots)
    if (ever_used(slot)) add_rows(rows, slot, status.now_ns);
  return headline(status) + "\n" + laid_out(rows);
}

}  // namespace monodon::cli

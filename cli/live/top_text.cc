// SPDX-License-Identifier: Apache-2.0
// One picture of top as text.
#include "cli/live/top_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <tuple>

#include "base/text/escape.h"
#include "cli/live/slot_text.h"

namespace monodon::cli {
namespace {

constexpr std::size_t kNarrowestRequest = 24;

struct Row {
  const SlotStatus* slot;
  Pace pace;
  std::uint64_t oldest_ns = 0;  // age of the request that has run longest
  std::string request;
};

// Which columns go first when there is no room: those with the largest `rank`.
struct Column {
  std::string_view title;
  std::size_t width;
  int rank;
  bool right;
  std::string (*text)(const Row& row);
};

std::string spell_cpu(double processors) {
  return processors < 0 ? "-" : fmt::format("{:.0f}%", processors * 100);
}

std::string if_alive(const Row& row, std::string text) {
  return row.slot->pid > 0 ? std::move(text) : "-";
}

constexpr std::array<Column, 10> kColumns{{
    {"SLOT", 4, 0, true, [](const Row& r) { return std::to_string(r.slot->slot); }},
    {"STATE", 12, 1, false, [](const Row& r) { return state_of(*r.slot); }},
    {"GEN", 4, 9, true,
     [](const Row& r) { return if_alive(r, std::to_string(r.slot->generation)); }},
    {"PID", 7, 7, true,
     [](const Row& r) { return if_alive(r, std::to_string(r.slot->pid)); }},
    {"REQ/S", 6, 2, true, [](const Row& r) { return spell_rate(r.pace.requests); }},
    {"P50", 6, 8, true, [](const Row& r) { return spell_latency(r.pace.p50); }},
    {"P99", 6, 3, true, [](const Row& r) { return spell_latency(r.pace.p99); }},
    {"ERR/S", 6, 5, true, [](const Row& r) { return spell_rate(r.pace.errors); }},
    {"CPU", 5, 4, true, [](const Row& r) { return spell_cpu(r.pace.cpu); }},
    {"MEMORY", 9, 6, true, [](const Row& r) { return spell_bytes(r.slot->memory); }},
}};

// The request that has run longest; of the others only how many there are.
Row row_of(const SlotStatus& slot, const Trend& trend, std::uint64_t now_ns) {
  Row row{&slot, trend.of(slot.slot), 0, {}};
  if (!slot.page) return row;
  std::size_t others = 0;
  const scoreboard::ThreadReport* oldest = nullptr;
  for (const auto& thread : slot.page->threads) {
    if (thread.started_ns == 0) continue;
    if (oldest != nullptr) ++others;
    if (oldest == nullptr || thread.started_ns < oldest->started_ns) oldest = &thread;
  }
  if (oldest == nullptr) return row;
  row.oldest_ns = scoreboard::age_ns(oldest->started_ns, now_ns);
  row.request = running_text(*oldest, now_ns);
  if (others > 0) row.request += fmt::format("  and {} more", others);
  return row;
}

double key_of(const Row& row, SortBy by) {
  switch (by) {
    case SortBy::slot:
      return -static_cast<double>(row.slot->slot);
    case SortBy::requests:
      return row.pace.requests;
    case SortBy::p99:
      return row.pace.p99;
    case SortBy::errors:
      return row.pace.errors;
    case SortBy::cpu:
      return row.pace.cpu;
    case SortBy::memory:
      return static_cast<double>(row.slot->memory);
    case SortBy::running:
      return static_cast<double>(row.oldest_ns);
  }
  return 0;
}

// The largest first; equal ones by slot, so that rows do not dance.
std::vector<Row> sorted_rows(const ServerStatus& status, const Trend& trend,
                             const TopChoice& choice) {
  std::vector<Row> rows;
  for (const SlotStatus& slot : status.slots)
    if (ever_used(slot)) rows.push_back(row_of(slot, trend, status.now_ns));
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const double left = key_of(a, choice.sort);
    const double right = key_of(b, choice.sort);
    return choice.reverse ? left < right : left > right;
  });
  return rows;
}

std::vector<const Column*> columns_for(std::size_t width) {
  std::vector<const Column*> chosen;
  std::size_t taken = 0;
  for (const Column& column : kColumns) {
    chosen.push_back(&column);
    taken += column.width + 1;
  }
  while (width != 0 && chosen.size() > 1 && taken + kNarrowestRequest > width) {
    const auto out =
        std::max_element(chosen.begin(), chosen.end(),
                         [](auto* a, auto* b) { return a->rank < b->rank; });
    taken -= (*out)->width + 1;
    chosen.erase(out);
  }
  return chosen;
}

std::string cell(const Column& column, std::string_view text) {
  return column.right ? fmt::format("{:>{}} ", text, column.width)
                      : fmt::format("{:<{}} ", text, column.width);
}

std::string headline(const ServerStatus& status, const TopChoice& choice) {
  std::string text =
      fmt::format("{:%H:%M:%S}  monodon ", fmt::localtime(std::time(nullptr)));
  append_escaped(text, status.version);
  text += "  ";
  append_escaped(text, status.application);
  text += fmt::format("  pid {}", status.pid);
  if (status.board.started_ns != 0)
    text +=
        "  up " + spell_seconds(seconds_since(status.board.started_ns, status.now_ns));
  if (choice.paused) text += "  PAUSED";
  if (!choice.note.empty()) text += "  " + choice.note;
  return text;
}

std::string second_line(const ServerStatus& status) {
  const Strength strength = strength_of(status);
  std::uint64_t open = 0;
  std::uint64_t idle = 0;
  for (const SlotStatus& slot : status.slots) {
    if (!slot.page) continue;
    open += slot.page->open_connections;
    idle += slot.page->idle_connections;
  }
  std::string text = fmt::format(
      "generation {}  {} of {} {}  {} of {} threads busy  {} {}, {} idle",
      status.generation, strength.serving, status.workers,
      status.workers == 1 ? "worker serves" : "workers serve", strength.busy,
      strength.threads, open, open == 1 ? "connection" : "connections", idle);
  if (status.candidate != 0)
    text += fmt::format("  importing generation {}", status.candidate);
  if (status.stopping) text += "  stopping";
  return text;
}

std::string third_line(const ServerStatus& status, const Pace& all) {
  std::string text =
      fmt::format("{} req/s  p50 {}  p99 {}  {} err/s  cpu {}",
                  spell_rate(all.requests), spell_latency(all.p50),
                  spell_latency(all.p99), spell_rate(all.errors), spell_cpu(all.cpu));
  return text + queue_text(status);
}

void add_help(std::vector<TopLine>& lines) {
  for (const char* line :
       {"", "  space  pause and go on        q  quit",
        "  + -    slower, faster         h  this help",
        "  R      turn the order about   arrows, PgUp, PgDn, Home, End  scroll"})
    lines.push_back({line});
  std::string sorts = "  sort by:";
  for (const SortKey& sort : kSortKeys)
    sorts += fmt::format("  {} {}", sort.key, sort.name);
  lines.push_back({std::move(sorts)});
}

TopLine event_line(const scoreboard::EventReport& event) {
  const auto when = static_cast<std::time_t>(event.unix_ns / 1'000'000'000U);
  std::tm local{};
  TopLine line{::localtime_r(&when, &local) == nullptr
                   ? std::string{"--:--:--"}
                   : fmt::format("{:%H:%M:%S}", local)};
  std::string& text = line.text;
  text += "  ";
  if (event.text.empty()) {
    std::string kind{scoreboard::name_of(event.kind)};
    std::replace(kind.begin(), kind.end(), '_', ' ');
    text += kind;
    if (event.serial != 0) text += fmt::format(", slot {}", event.slot);
    if (event.generation != 0) text += fmt::format(", generation {}", event.generation);
  } else {
    append_escaped(text, event.text);
  }
  return line;
}

// The newest, as many as there is room for, and a few where there is no end.
void add_events(std::vector<TopLine>& lines, const ServerStatus& status,
                std::size_t width, std::size_t height) {
  constexpr std::size_t kFew = 5;
  const auto& events = status.board.events;
  if ((height != 0 && lines.size() + 2 > height) || events.empty()) return;
  lines.push_back({});
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (height == 0 ? i == kFew : lines.size() >= height) return;
    add_wrapped(lines, event_line(events[events.size() - 1 - i]), width, height);
  }
}

// A slot without a worker first, then requests that run for long.
Tint tint_of(const Row& row) {
  constexpr std::uint64_t kSlowNs = 1'000'000'000;
  constexpr std::uint64_t kStuckNs = 10'000'000'000;
  const std::string& state = row.slot->state;
  if (state == "resting" || state == "killed" || state == "condemned" ||
      state == "lost" || row.oldest_ns >= kStuckNs)
    return Tint::bad;
  if (row.oldest_ns >= kSlowNs) return Tint::slow;
  return state == "vacant" ? Tint::dim : Tint::plain;
}

TopLine line_of(const Row& row, const std::vector<const Column*>& columns) {
  TopLine line{{}, tint_of(row)};
  for (const Column* column : columns) line.text += cell(*column, column->text(row));
  line.text += row.request;
  return line;
}

// A few lines at the bottom are for the events, whatever the number of rows.
void add_rows(std::vector<TopLine>& lines, const std::vector<Row>& rows,
              const TopChoice& choice, std::size_t width, std::size_t height) {
  constexpr std::size_t kForEvents = 7;
  const auto columns = columns_for(width);
  TopLine heading{{}, Tint::heading};
  for (const Column* column : columns) heading.text += cell(*column, column->title);
  heading.text += "REQUEST";
  lines.push_back(std::move(heading));
  std::size_t room = rows.size();
  if (height != 0) {
    const std::size_t left = height - std::min(height, lines.size());
    room = left > 2 * kForEvents ? left - kForEvents : left;
  }
  const Window window = window_of(rows.size(), room, choice.first);
  for (std::size_t i = 0; i < window.count; ++i)
    lines.push_back(line_of(rows[window.first + i], columns));
  if (window.count == rows.size()) return;
  const std::size_t below = rows.size() - window.first - window.count;
  lines.push_back({fmt::format("  ... {} above, {} below: scroll with PgUp and PgDn, "
                               "or sort with t",
                               window.first, below),
                   Tint::dim});
}

}  // namespace

void add_wrapped(std::vector<TopLine>& lines, const TopLine& line, std::size_t width,
                 std::size_t height) {
  constexpr std::size_t kIndent = 10;  // behind the time
  std::string_view rest = line.text;
  lines.push_back(
      {std::string{rest.substr(0, width == 0 ? rest.npos : width)}, line.tint});
  if (width < 2 * kIndent) return;
  rest.remove_prefix(std::min(width, rest.size()));
  while (!rest.empty() && (height == 0 || lines.size() < height)) {
    const std::string_view part = rest.substr(0, width - kIndent);
    lines.push_back({std::string(kIndent, ' ') + std::string{part}, line.tint});
    rest.remove_prefix(part.size());
  }
}

Window window_of(std::size_t rows, std::size_t room, std::size_t first) {
  if (rows <= room) return {0, rows};
  const std::size_t count = room > 1 ? room - 1 : 0;  // one line tells of the others
  return {std::min(first, rows - count), count};
}

std::vector<TopLine> top_screen(const ServerStatus& status, const Trend& trend,
                                const TopChoice& choice, std::size_t width,
                                std::size_t height) {
  std::vector<TopLine> lines;
  lines.push_back(
      {headline(status, choice), choice.note.empty() ? Tint::plain : Tint::bad});
  lines.push_back({second_line(status)});
  lines.push_back({third_line(status, trend.of_all())});
  if (choice.help) {
    add_help(lines);
  } else {
    lines.push_back({});
    add_rows(lines, sorted_rows(status, trend, choice), choice, width, height);
    add_events(lines, status, width, height);
  }
  if (height != 0 && lines.size() > height) lines.resize(height);
  if (width != 0)
    for (TopLine& line : lines)
      if (line.text.size() > width) line.text.resize(width);
  return lines;
}

}  // namespace monodon::cli

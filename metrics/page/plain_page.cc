// SPDX-License-Identifier: Apache-2.0
// The dashboard as plain tables.
#include "metrics/page/plain_page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ranges>

#include "base/text/escape.h"
#include "base/text/spell.h"
#include "metrics/page/dashboard.h"
#include "metrics/page/page_state.h"

namespace monodon::metrics {
namespace {

constexpr std::size_t kEventsShown = 20;

std::string utc(std::uint64_t unix_seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

void add_row(std::string& html, std::string_view name, const std::string& text) {
  html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name,
                      escape_html(text));
}

std::string last_reload(const scoreboard::BoardReport& board,
                        const ReloadStory& story) {
  std::string outcome = story.last_outcome;
  std::ranges::replace(outcome, '_', ' ');
  if (board.last_reload_unix == 0 && outcome.empty()) return "never yet";
  if (outcome.empty()) return utc(board.last_reload_unix);
  return fmt::format("{} at {}", outcome,
                     utc(static_cast<std::uint64_t>(story.last_ended_unix)));
}

void add_numbers(std::string& html, const Sight& sight, const Surroundings& around) {
  const scoreboard::BoardReport& board = sight.board;
  const Running running = running_now(sight);
  html += "<div class=\"wide\"><table><caption>Now</caption>\n";
  add_row(html, "Generation", std::to_string(board.generation));
  add_row(html, "Up", spell_ns(scoreboard::age_ns(board.started_ns, sight.now_ns)));
  add_row(html, "Requests", std::to_string(sight.sum.requests));
  add_row(html, "Errors (5xx, or no answer)",
          std::to_string(sight.sum.responses[4] + sight.sum.responses[5]));
  add_row(html, "Busy threads",
          fmt::format("{} of {}", running.requests, serving_threads(sight)));
  add_row(html, "Oldest request",
          running.requests == 0 ? "none" : spell_ns(running.oldest_ns));
  add_row(html, "Waiting connections", std::to_string(waiting_now(around)));
  add_row(html, "Memory of the workers",
          fmt::format("{} MiB", memory_of_workers(sight, around) >> 20U));
  add_row(html, "Reload", around.reload.step.empty() ? "none" : around.reload.text);
  add_row(html, "Last reload", last_reload(board, around.reload));
  html += "</table></div>\n";
}

void add_slot(std::string& html, std::size_t number, const SlotSight& slot,
              std::uint64_t now_ns, bool full) {
  std::string runs;
  if (slot.page)
    for (const auto& thread : slot.page->threads)
      if (thread.started_ns != 0)
        runs += fmt::format("{}{} for {}", runs.empty() ? "" : "; ",
                            thread.request.empty() ? "(not known)" : thread.request,
                            spell_ns(request_age_ns(slot, thread, now_ns)));
  if (slot.row.failures != 0)
    runs += fmt::format("{}failed {} times in a row", runs.empty() ? "" : "; ",
                        slot.row.failures);
  const std::string pid = slot.row.pid == 0 ? "" : std::to_string(slot.row.pid);
  html += fmt::format(
      "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}",
      number, name_of(slot.row.state), pid,
      slot.row.pid == 0 ? "" : std::to_string(slot.row.generation),
      slot.totals.requests, escape_html(runs));
  if (full && slot.row.pid != 0)
    html += fmt::format(" <a href=\"stacks/{}\">stacks</a>", number);
  html += "</td></tr>\n";
}

void add_slots(std::string& html, const Sight& sight, bool full) {
  html += "<div class=\"wide\"><table><caption>Workers</caption>\n<tr>";
  for (const char* name : {"Slot", "State", "Pid", "Generation", "Requests", "Now"})
    html += fmt::format("<th scope=\"col\">{}</th>", name);
  html += "</tr>\n";
  for (std::size_t i = 0; i < sight.slots.size(); ++i)
    add_slot(html, i, sight.slots[i], sight.now_ns, full);
  html += "</table></div>\n";
}

void add_events(std::string& html, const Sight& sight, bool full) {
  html += "<div class=\"wide\"><table><caption>Events, the newest first</caption>\n";
  for (const auto& event :
       sight.board.events | std::views::reverse | std::views::take(kEventsShown))
    add_row(html, utc(event.unix_ns / 1'000'000'000), event_text(event, full));
  html += "</table></div>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string printable;
  append_printable(printable, text);
  std::string html;
  for (const char c : printable) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string plain_page(const Sight& sight, const Surroundings& around, bool full) {
  const PageState state = page_state(sight, around);
  std::string html = fmt::format("<h1>{}</h1>\n<p><strong>{}</strong>: {}</p>\n",
                                 escape_html(around.facts.application), state.name,
                                 escape_html(state.text));
  for (const std::string& notice : page_notices(sight, around))
    html += fmt::format("<p class=\"notice\">{}</p>\n", escape_html(notice));
  if (full && !around.reload.last_reason.empty())
    html += "<p><a href=\"reload\">Why the last reload failed</a></p>\n";
  add_numbers(html, sight, around);
  add_slots(html, sight, full);
  add_events(html, sight, full);
  return html +
         fmt::format("<p>{}, and again every 5 s. <a href=\"metrics\">Metrics</a></p>",
                     utc(static_cast<std::uint64_t>(wall_seconds())));
}

}  // namespace monodon::metrics

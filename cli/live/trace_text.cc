// SPDX-License-Identifier: Apache-2.0
// Stacks as a person wants to read them at night.
#include "cli/live/trace_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text/escape.h"
#include "base/text/number.h"
#include "base/text/text.h"
#include "cli/live/slot_text.h"

namespace monodon::cli {
namespace {

constexpr std::string_view kHolds = "[holds the GIL]";

template <typename Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::string_view line = first_line(text);
    use(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

// 'Thread 0x00007f07ad2fe6c0 [monodon-1] (most recent call first):'
TracedThread read_heading(std::string_view line) {
  TracedThread thread;
  thread.holds_gil = line.find(kHolds) != std::string_view::npos;
  const std::size_t open = line.find(" [");
  const std::size_t close = line.find(']', open == line.npos ? line.size() : open);
  const std::string_view name =
      close == line.npos ? std::string_view{} : line.substr(open + 2, close - open - 2);
  if (!name.empty() && name != kHolds.substr(1, kHolds.size() - 2)) {
    thread.name = name;
  } else {
    const std::size_t id = std::min(line.find("0x"), line.size());
    thread.name = line.substr(id, line.find(' ', id) - id);
  }
  return thread;
}

std::string_view file_of(std::string_view frame) {
  const std::size_t open = frame.find('"');
  const std::size_t close = frame.rfind('"');
  return open == frame.npos || close <= open ? std::string_view{}
                                             : frame.substr(open + 1, close - open - 1);
}

bool is_of_server(std::string_view frame) {
  const std::string_view file = file_of(frame);
  const std::string_view name = file.substr(file.rfind('/') + 1);
  if (name == "threading.py") return frame.find(" in _bootstrap") != frame.npos;
  return name == "zygote.py" || (name.starts_with("_monodon") && name.ends_with(".py"));
}

bool is_of_library(std::string_view frame) {
  const std::string_view file = file_of(frame);
  return file.find("/site-packages/") != file.npos ||
         file.find("/dist-packages/") != file.npos ||
         file.find("/lib/python3") != file.npos;
}

// The row of the page that is about a thread of ours.
std::optional<std::size_t> row_of(std::string_view name) {
  if (name == "main") return 0;
  if (!name.starts_with("monodon-")) return std::nullopt;
  const auto number = parse_number(name.substr(8));
  return number ? std::optional<std::size_t>{*number} : std::nullopt;
}

const scoreboard::ThreadReport* request_of(const SlotStatus& slot,
                                           std::string_view name) {
  const auto row = row_of(name);
  if (!row || !slot.page || *row >= slot.page->threads.size()) return nullptr;
  const scoreboard::ThreadReport& report = slot.page->threads[*row];
  return report.started_ns == 0 ? nullptr : &report;
}

std::string heading_of(const TracedThread& thread,
                       const scoreboard::ThreadReport* request, std::uint64_t now_ns) {
  std::string text = "  thread [";
  append_printable(text, thread.name);
  text += "]";
  if (thread.holds_gil) text += ", holds the GIL";
  if (request == nullptr) return text;
  text += ", runs " + running_text(*request, now_ns);
  if (!request->request_id.empty()) {
    text += "  id ";
    append_escaped(text, request->request_id);
  }
  return text;
}

}  // namespace

std::vector<TracedThread> read_threads(std::string_view stacks) {
  std::vector<TracedThread> threads;
  each_line(stacks, [&](std::string_view line) {
    if (line.starts_with("Thread 0x") || line.starts_with("Current thread 0x"))
      threads.push_back(read_heading(line));
    else if (!line.empty() && !threads.empty())
      threads.back().frames.emplace_back(line);
  });
  return threads;
}

std::vector<std::string> folded(const std::vector<std::string>& frames) {
  constexpr std::size_t kInnermost = 3;
  std::vector<std::string> own = frames;
  // How a thread begins: in the server, or in threading.Thread.
  while (!own.empty() && is_of_server(own.back())) own.pop_back();
  if (own.size() < frames.size() && !own.empty() &&
      file_of(own.back()).ends_with("/threading.py") && own.back().ends_with(" in run"))
    own.pop_back();
  std::erase_if(own, [](const std::string& frame) { return is_of_server(frame); });
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < own.size();) {
    std::size_t end = i;
    while (end < own.size() && is_of_library(own[end])) ++end;
    if (end == i) {
      shown.push_back(own[i++]);
      continue;
    }
    const std::size_t keep = i == 0 ? kInnermost : 0;
    for (; i < end && (shown.size() < keep || end - i < 2); ++i)
      shown.push_back(own[i]);
    if (i < end)
      shown.push_back(fmt::format("  ... {} frames of libraries (--all)", end - i));
    i = end;
  }
  return shown;
}

std::string trace_text(const SlotStatus& slot, std::string_view stacks,
                       std::uint64_t now_ns, bool everything) {
  std::string text;
  std::vector<std::string> idle;
  for (const TracedThread& thread : read_threads(stacks)) {
    const auto* const request = request_of(slot, thread.name);
    const auto frames = everything ? thread.frames : folded(thread.frames);
    if (!everything && request == nullptr && frames.empty()) {
      idle.push_back(thread.name);
      continue;
    }
    text += heading_of(thread, request, now_ns) + "\n";
    if (frames.empty())
      text += "    in no Python code: it waits for the GIL, or reads or writes\n";
    for (const std::string& frame : frames) {
      text += "  ";
      append_printable(text, frame);
      text += "\n";
    }
  }
  if (text.empty()) return {};
  if (idle.empty()) return text;
  text += "  idle: ";
  for (std::size_t i = 0; i < idle.size(); ++i) {
    text += i == 0 ? "" : ", ";
    append_printable(text, idle[i]);
  }
  text += "\n";
  return text;
}

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/live/top_text.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::cli;

namespace {

constexpr std::uint64_t kNow = 100'000'000'000;

SlotStatus worker(std::uint32_t slot, std::uint64_t memory, std::string request,
                  double age) {
  SlotStatus status;
  status.slot = slot;
  status.state = "serving";
  status.serial = slot + 1;
  status.pid = 4000 + slot;
  status.generation = 3;
  status.memory = memory;
  status.page.emplace();
  scoreboard::ThreadReport thread;
  if (!request.empty())
    thread.started_ns = kNow - static_cast<std::uint64_t>(age * 1e9);
  thread.request = std::move(request);
  status.page->threads.push_back(thread);
  return status;
}

ServerStatus server() {
  ServerStatus status;
  status.version = "1.2";
  status.application = "site.wsgi\x1b[2J";
  status.workers = 3;
  status.now_ns = kNow;
  status.slots = {worker(0, 1 << 20, "GET /quick\x1b]0;x\x07", 0.2),
                  worker(1, 3 << 20, "", 0),
                  worker(2, 2 << 20, "POST /slow\xe2\x80\xae", 7.5)};
  status.queues = {{"unix:/run/site.sock", 4, 511}};
  scoreboard::EventReport event;
  event.kind = scoreboard::EventKind::worker_ended;
  event.text = "worker 1 was killed\r\n\x1b[31m";
  status.board.events = {event};
  return status;
}

std::vector<std::string> texts(const TopChoice& choice, std::size_t width = 0,
                               std::size_t height = 0) {
  std::vector<std::string> all;
  for (const TopLine& line : top_screen(server(), Trend{}, choice, width, height))
    all.push_back(line.text);
  return all;
}

// Slots from top to bottom.
std::string order(const TopChoice& choice) {
  std::string slots;
  for (const std::string& line : texts(choice))
    if (line.starts_with("   ") && line[3] != ' ' && line[4] == ' ') slots += line[3];
  return slots;
}

}  // namespace

TEST_CASE("nothing that a client sent reaches the terminal as it is", "[top]") {
  for (const std::string& line : texts({}))
    CHECK(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; }));
  const auto all = texts({});
  const auto has = [&](std::string_view what) {
    return std::ranges::any_of(
        all, [&](const std::string& line) { return line.find(what) != line.npos; });
  };
  CHECK(has("GET /quick\\x1b]0"));
  CHECK(has("7.5 s  POST /slow\\xe2\\x80\\xae"));
  CHECK(has("worker 1 was killed\\x0d"));
  CHECK(has("queue 4/511 at unix:/run/site.sock"));
  CHECK(has("2 of 3 threads busy"));
}

TEST_CASE("rows are sorted by what the user chose, the largest first", "[top]") {
  CHECK(order({}) == "012");
  CHECK(order({.reverse = true}) == "210");
  CHECK(order({.sort = SortBy::memory}) == "120");
  CHECK(order({.sort = SortBy::running}) == "201");
  CHECK(order({.sort = SortBy::requests}) == "012");  // all the same
}

TEST_CASE("no line is wider than the terminal, and there are not more than fit",
          "[top]") {
  for (const std::size_t width : {1, 7, 20, 40, 80, 132, 500})
    for (const std::size_t height : {1, 2, 6, 9, 24, 100}) {
      const auto lines = texts({}, width, height);
      CHECK(lines.size() <= height);
      CHECK(std::ranges::all_of(
          lines, [&](const std::string& line) { return line.size() <= width; }));
    }
}

TEST_CASE("of many workers a part is shown, and how to see the others", "[top]") {
  ServerStatus many = server();
  for (std::uint32_t slot = 3; slot < 60; ++slot)
    many.slots.push_back(worker(slot, 0, "", 0));
  const auto screen = [&](std::size_t first) {
    std::string text;
    for (const TopLine& line : top_screen(many, Trend{}, {.first = first}, 80, 24))
      text += line.text + "\n";
    return text;
  };
  CHECK(screen(0).find("0 above, 49 below") != std::string::npos);
  CHECK(screen(20).find("20 above, 29 below") != std::string::npos);
  // The end is a full page, and the events stay in sight.
  CHECK(screen(1000).find("49 above, 0 below") != std::string::npos);
  CHECK(screen(0).find("worker 1 was killed") != std::string::npos);
}

TEST_CASE("what does not fit into a line goes on in the next", "[top]") {
  std::vector<TopLine> lines;
  add_wrapped(lines, {std::string(50, 'a') + std::string(45, 'b')}, 50, 9);
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].text == std::string(10, ' ') + std::string(40, 'b'));
  CHECK(lines[2].text == std::string(10, ' ') + std::string(5, 'b'));
  lines.clear();
  add_wrapped(lines, {std::string(95, 'a')}, 50, 2);
  CHECK(lines.size() == 2);  // no more than there is room for
}

TEST_CASE("rows that somebody has to look at are tinted", "[top]") {
  ServerStatus status = server();
  status.slots[1].state = "resting";
  std::string tints;
  for (const TopLine& line : top_screen(status, Trend{}, {}, 0, 0))
    tints += line.tint == Tint::bad ? 'b' : line.tint == Tint::slow ? 's' : '.';
  CHECK(tints.starts_with("....."));
  CHECK(tints.substr(5, 3) == ".bs");
}

TEST_CASE("a narrow terminal loses columns, not the request", "[top]") {
  const auto has_request = [](const std::string& line) {
    return line.find("POST /slow") != line.npos;
  };
  for (const std::size_t width : {30, 50, 80}) {
    const auto lines = texts({}, width, 24);
    INFO(width);
    CHECK(std::ranges::any_of(lines, has_request));
    CHECK(std::ranges::any_of(
        lines, [](const std::string& line) { return line.starts_with("SLOT "); }));
  }
  CHECK(texts({}, 50, 24)[4].find("GEN") == std::string::npos);
  CHECK(texts({}, 120, 24)[4].find("GEN") != std::string::npos);
}

TEST_CASE("the help names every key that sorts, and a pause is plain to see", "[top]") {
  const auto lines = texts({.help = true});
  for (const SortKey& sort : kSortKeys)
    CHECK(std::ranges::any_of(lines, [&](const std::string& line) {
      return line.find(sort.name) != line.npos;
    }));
  CHECK(texts({.paused = true})[0].find("PAUSED") != std::string::npos);
  TopChoice noted;
  noted.note = "NO SIGN OF LIFE";
  CHECK(texts(noted)[0].find("NO SIGN OF LIFE") != std::string::npos);
}

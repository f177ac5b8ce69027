// SPDX-License-Identifier: Apache-2.0
#include "cli/live/sites_text.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <ctime>

using namespace monodon;
using namespace monodon::cli;

namespace {

ServerStatus server(std::size_t busy, std::size_t threads, double age) {
  ServerStatus status;
  status.workers = 1;
  status.step = "none";
  status.now_ns = 100'000'000'000;
  SlotStatus& slot = status.slots.emplace_back();
  slot.state = "serving";
  slot.pid = 7;
  slot.page.emplace();
  slot.page->threads.resize(threads);
  for (std::size_t i = 0; i < busy; ++i)
    slot.page->threads[i].started_ns =
        status.now_ns - static_cast<std::uint64_t>(age * 1e9);
  return status;
}

}  // namespace

TEST_CASE("the state of a site is what one wants to know first", "[sites]") {
  CHECK(state_of(server(0, 4, 0)) == "ready");
  CHECK(state_of(server(3, 4, 12)) == "ready");
  CHECK(state_of(server(4, 4, 0.2)) == "ready");
  CHECK(state_of(server(4, 4, 12)) == "saturated for 12 s");
  ServerStatus status = server(0, 4, 0);
  status.workers = 2;
  CHECK(state_of(status) == "1 of 2 serve");
  status.step = "importing";
  CHECK(state_of(status) == "reloading");
  status.slots[0].state = "resting";
  CHECK(state_of(status) == "no worker serves");
  status.stopping = true;
  CHECK(state_of(status) == "stopping");
}

TEST_CASE("each site is a line, with what it calls itself made harmless", "[sites]") {
  ServerStatus status = server(1, 2, 0);
  status.pid = 4711;
  status.listeners.push_back({"127.0.0.1:8000", false, 0});
  status.last_reload = {"rolled_back", 3, std::time(nullptr) - 240, 2.0, "because"};
  const auto lines = site_lines(
      {{"shop\x1b[2J", "www", {}, status, {}}, {"mail", "www", "it\nhangs", {}, {}}});
  REQUIRE(lines.size() == 3);
  for (const std::string& line : lines)
    CHECK(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; }));
  CHECK(lines[0].starts_with("SITE"));
  CHECK(lines[1].find("shop\\x1b[2J") == 0);
  CHECK(lines[1].find("1/2") != std::string::npos);
  CHECK(lines[0].ends_with(" PID  ADDRESS"));
  CHECK(lines[1].ends_with("rolled back 4 min ago  4711  127.0.0.1:8000"));
  CHECK(lines[2].find("it\\x0ahangs") != std::string::npos);
}

TEST_CASE("rates are shown where they were measured, else counts", "[sites]") {
  CHECK(site_lines({{"a", "u", {}, server(0, 1, 0), {}}})[0].find("REQUESTS") !=
        std::string::npos);
  Pace pace;
  pace.requests = 12.3;
  const auto lines = site_lines({{"a", "u", {}, server(0, 1, 0), pace}});
  CHECK(lines[0].find("REQ/S") != std::string::npos);
  CHECK(lines[1].find("12.3") != std::string::npos);
}

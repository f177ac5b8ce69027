// SPDX-License-Identifier: Apache-2.0
#include "metrics/page/plain_page.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::metrics;
using scoreboard::SlotState;

TEST_CASE("nothing that a client has chosen becomes HTML", "[page]") {
  CHECK(escape_html("<a href='x'>\"&\x01\xff") ==
        "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\\x01\\xff");
  CHECK(escape_html("GET /\xc3\xa4") == "GET /\xc3\xa4");
}

TEST_CASE("without JavaScript there are tables of what is now", "[page]") {
  Sight sight;
  sight.now_ns = 100'000'000'000;
  sight.board.heartbeat_ns = sight.now_ns;
  sight.board.events.push_back({.kind = scoreboard::EventKind::worker_ended,
                                .text = "worker 0 was killed while it ran GET /<b>"});
  SlotSight slot;
  slot.row.state = SlotState::serving;
  slot.row.pid = 4242;
  slot.row.since_ns = 1;
  slot.page.emplace();
  slot.page->heartbeat_ns = sight.now_ns;
  slot.page->threads.push_back(
      {.started_ns = sight.now_ns - 12'000'000'000, .request = "GET /<script>"});
  sight.slots.push_back(slot);
  Surroundings around;
  around.facts.application = "a&b:app";
  around.reload.last_outcome = "refused";
  around.reload.last_reason = "Traceback";
  const std::string full = plain_page(sight, around, true);
  for (const char* part :
       {"<h1>a&amp;b:app</h1>", "saturated</strong>: the only thread is busy",
        "GET /&lt;script&gt; for 12 s", "4242", "GET /&lt;b&gt;", "href=\"stacks/0\"",
        "href=\"reload\"", "the last reload was refused"})
    CHECK(full.find(part) != std::string::npos);
  const std::string brief = plain_page(sight, around, false);
  CHECK(brief.find("href=\"stacks") == std::string::npos);
  CHECK(brief.find("href=\"reload\"") == std::string::npos);
}

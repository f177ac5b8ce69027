// SPDX-License-Identifier: Apache-2.0
#include "cli/live/server_status.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/live/status_json.h"
#include "cli/live/status_text.h"
#include "scoreboard/page.h"
#include "scoreboard/segment.h"

using namespace monodon;
using namespace monodon::cli;

namespace {

// The master's answer for a slot with a worker, whose page is descriptor 0, and two
// without.
Answer answer_with(int page) {
  const nlohmann::json line{{"version", "1.2"},
                            {"pid", 77},
                            {"application", "site.wsgi"},
                            {"generation", 3},
                            {"step", "restoring"},
                            {"reload", 4},
                            {"workers", 2},
                            {"slots",
                             {{{"slot", 0},
                               {"state", "serving"},
                               {"serial", 9},
                               {"pid", -1},
                               {"generation", 3},
                               {"threads", 2},
                               {"age", 50.0},
                               {"page", 0},
                               {"starts", 4}},
                              {{"slot", 1},
                               {"state", "resting"},
                               {"next_try", 0.4},
                               {"failures", 2},
                               {"reason", "fork worker: no"}},
                              {{"slot", 2}, {"state", "vacant"}, {"starts", 0}}}}};
  Answer answer;
  answer.line = line.dump();
  answer.fds.emplace_back(::fcntl(page, F_DUPFD_CLOEXEC, 3));
  return answer;
}

}  // namespace

TEST_CASE("status shows what the master says and what the page says", "[status]") {
  auto memfd = scoreboard::make_page(2);
  REQUIRE(memfd);
  scoreboard::WorkerPage page{memfd.value().get(), 2};
  page.header().serial = 9;
  page.header().state = static_cast<std::uint32_t>(scoreboard::WorkerState::serving);
  const std::uint64_t now = monotonic_ns();
  scoreboard::begin_request(page.row(0), "GET", "/a\x1b[2J?secret=1", "192.0.2.7",
                            "id-1", now - 1'500'000'000);
  scoreboard::begin_request(page.row(1), "GET", "/b", "", "id-2", now);
  scoreboard::end_request(page.row(1), 503, 0, 12, 1000);

  const auto status = read_status(answer_with(memfd.value().get()));
  REQUIRE(status);
  const std::string table = status_table(status.value());
  CHECK(table.find("1 of 2 workers serve") != std::string::npos);
  CHECK(table.find("going back from generation 4") != std::string::npos);
  CHECK(table.find("busy") != std::string::npos);
  CHECK(table.find("GET /a\\x1b[2J") != std::string::npos);
  CHECK(table.find("192.0.2.7") != std::string::npos);
  CHECK(table.find("secret") == std::string::npos);
  CHECK_THAT(table, Catch::Contains("rests 0.4 s"));
  CHECK(table.find("fork worker: no") != std::string::npos);
  CHECK(table.find("vacant") == std::string::npos);  // never used

  const auto json = nlohmann::json::parse(status_json(status.value()));
  const auto& slot = json.at("slots").at(0);
  CHECK(slot.at("totals").at("responses").at("5xx") == 1);
  CHECK(slot.at("worker").at("running").size() == 1);
  CHECK(slot.at("starts") == 4);
  CHECK(json.at("slots").at(1).at("failures") == 2);
}

TEST_CASE("a worker without requests is idle, and a page of garbage harms nobody",
          "[status]") {
  auto memfd = scoreboard::make_page(2);
  REQUIRE(memfd);
  scoreboard::WorkerPage page{memfd.value().get(), 2};
  auto status = read_status(answer_with(memfd.value().get()));
  REQUIRE(status);
  CHECK(status_table(status.value()).find("idle") != std::string::npos);

  std::fill_n(reinterpret_cast<unsigned char*>(&page.header()),
              scoreboard::page_size(2), static_cast<unsigned char>(0xff));
  status = read_status(answer_with(memfd.value().get()));
  REQUIRE(status);
  CHECK_FALSE(status_table(status.value()).empty());
  CHECK(nlohmann::json::parse(status_json(status.value())).is_object());
}

TEST_CASE("an answer that is no status is refused, whatever it is", "[status]") {
  for (const char* line : {"", "null", "[]", "{}", R"({"slots":1})", "{\"slots\":"}) {
    Answer answer;
    answer.line = line;
    CHECK_FALSE(read_status(answer));
  }
  Answer odd;  // members of the wrong type, an index of a descriptor that did not come
  odd.line = R"({"slots":[{"slot":"x","page":99},{"state":5},7],"board":3})";
  CHECK(read_status(odd));
}

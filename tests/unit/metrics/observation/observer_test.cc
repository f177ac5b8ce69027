// SPDX-License-Identifier: Apache-2.0
#include "metrics/observation/observer.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>

#include "base/clock.h"
#include "metrics/exposition/exposition.h"
#include "metrics/observation/collect.h"
#include "metrics/observation/health.h"
#include "metrics/page/dashboard.h"
#include "scoreboard/board.h"
#include "scoreboard/page.h"
#include "scoreboard/segment.h"
#include "tests/support/cpp/nanoseconds.h"

using namespace monodon;
using namespace monodon::metrics;
using scoreboard::SlotState;

namespace {

using monodon::test::kSecond;

// A master with one slot, and the exporter's eye on it.
struct Stage {
  scoreboard::Board board = make_board();
  std::uint64_t began = monotonic_ns() - 100 * kSecond;
  UniqueFd fd;
  std::optional<scoreboard::WorkerPage> page;
  Observer observer{scoreboard::BoardView::open(board.reader_fd()).value()};

  static scoreboard::Board make_board() {
    auto made = scoreboard::Board::make(8);
    REQUIRE(made);
    return std::move(made).value();
  }

  scoreboard::SlotFacts facts(std::uint32_t serial) const {
    return {.state = SlotState::serving,
            .serial = serial,
            .generation = 1,
            .threads = 2,
            .since_ns = began,
            .starts = serial};
  }

  void start(std::uint32_t serial) {
    auto made = scoreboard::make_page(2);
    REQUIRE(made);
    fd = std::move(made).value();
    page.emplace(fd.get(), 2);
    page->header().heartbeat_ns = monotonic_ns();
    board.set_goal(1, 1, 0);
    board.beat(monotonic_ns());
    board.publish(0, facts(serial));
    REQUIRE(observer.add_page({0, serial, 2, began}, fd));
  }

  void serve(unsigned requests) {
    for (unsigned i = 0; i < requests; ++i) {
      begin_request(page->row(i % 2), "GET", "/", "", "", monotonic_ns());
      end_request(page->row(i % 2), 200, 0, 10, 1000);
    }
  }

  void end(std::uint64_t folded) {
    scoreboard::Totals last;
    last.requests = folded;
    board.worker_ended(0, last, scoreboard::Cause::signal, {.starts = 1});
  }

  std::uint64_t requests() { return observer.look(monotonic_ns()).sum.requests; }
};

std::string exposed(const Sight& sight) {
  Surroundings around;
  around.facts.configuration_hash = "0123";
  around.queues["unix:/s"].note({3, 128}, sight.now_ns);
  Exposition exposition;
  collect(sight, around, exposition);
  return std::move(exposition).text();
}

}  // namespace

TEST_CASE("counters go on over the end of a worker and its successor", "[metrics]") {
  Stage stage;
  stage.start(1);
  stage.serve(5);
  CHECK(stage.requests() == 5);
  stage.end(6);  // it served one more before it ended
  CHECK(stage.requests() == 6);
  stage.start(2);
  CHECK(stage.requests() == 6);
  stage.serve(3);
  CHECK(stage.requests() == 9);
}

TEST_CASE("a page whose worker the board does not name counts nothing", "[metrics]") {
  Stage stage;
  stage.start(1);
  stage.serve(5);
  stage.board.publish(0, stage.facts(2));
  CHECK(stage.observer.look(monotonic_ns()).sum.requests == 0);
}

TEST_CASE("what was shown once stays, though a worker takes it back", "[metrics]") {
  Stage stage;
  stage.start(1);
  stage.serve(5);
  CHECK(stage.requests() == 5);
  stage.end(2);  // its page said less when it was buried
  CHECK(stage.requests() == 5);
}

TEST_CASE("busy time grows while a request runs", "[metrics]") {
  Stage stage;
  stage.start(1);
  begin_request(stage.page->row(0), "GET", "/", "", "", monotonic_ns() - 3 * kSecond);
  Sight sight = stage.observer.look(monotonic_ns());
  CHECK(sight.sum.busy_ns >= 3 * kSecond);
  CHECK(sight.sum.thread_ns >= 200 * kSecond);
  CHECK(running_now(sight).requests == 1);
  CHECK(running_now(sight).oldest_ns >= 3 * kSecond);
}

TEST_CASE("no request is older than its worker", "[metrics]") {
  Stage stage;
  stage.start(1);
  stage.page->row(0).started_ns = 1;  // since the machine started, it says
  const Sight sight = stage.observer.look(stage.began + 5 * kSecond);
  CHECK(running_now(sight).oldest_ns <= 5 * kSecond);
}

TEST_CASE("health is what master and workers show", "[metrics]") {
  Stage stage;
  stage.start(1);
  const Sight good = stage.observer.look(monotonic_ns());
  CHECK(healthy(good).good);
  CHECK(ready(good, 1).good);
  CHECK_FALSE(ready(good, 2).good);

  Sight late = good;
  late.now_ns += 11 * kSecond;
  CHECK_FALSE(healthy(late).good);
  CHECK_FALSE(ready(late, 1).good);

  // A stopped worker under a master that turns.
  stage.board.beat(monotonic_ns());
  stage.page->header().heartbeat_ns = monotonic_ns() - 11 * kSecond;
  const Sight stuck = stage.observer.look(monotonic_ns());
  CHECK(healthy(stuck).good);
  CHECK_FALSE(ready(stuck, 1).good);

  stage.page->header().heartbeat_ns = monotonic_ns();
  CHECK(ready(stage.observer.look(monotonic_ns()), 1).good);
  stage.board.set_stopping();
  CHECK_FALSE(ready(stage.observer.look(monotonic_ns()), 1).good);
}

TEST_CASE("every metric of the catalogue has a sample", "[metrics]") {
  Stage stage;
  stage.start(1);
  Sight sight = stage.observer.look(monotonic_ns());
  sight.slots[0].row.pid = static_cast<std::uint32_t>(::getpid());
  Surroundings around;
  around.queues["unix:/s"].note({}, sight.now_ns);
  around.pss[sight.slots[0].row.pid] = 4096;
  Exposition exposition;
  collect(sight, around, exposition);
  const std::string text = std::move(exposition).text();
  for (const Metric& metric : kCatalogue) {
    CAPTURE(metric.name);
    CHECK(text.find("# TYPE monodon_" + std::string{metric.name} + " ") !=
          std::string::npos);
  }
}

TEST_CASE("durations are cumulative buckets in seconds", "[metrics]") {
  Stage stage;
  stage.start(1);
  end_request(stage.page->row(0), 200, 0, 0, 90'000);         // 90 us
  end_request(stage.page->row(1), 204, 0, 0, 2 * kSecond);    // 2 s
  end_request(stage.page->row(1), 200, 0, 0, 100 * kSecond);  // above all bounds
  const std::string text = exposed(stage.observer.look(monotonic_ns()));
  const std::string of = "monodon_request_duration_seconds_";
  for (const char* line :
       {"count{class=\"2xx\"} 3\n", "sum{class=\"2xx\"} 102.00009\n",
        "bucket{class=\"2xx\",le=\"0.0001\"} 1\n", "bucket{class=\"2xx\",le=\"1\"} 1\n",
        "bucket{class=\"2xx\",le=\"2.5\"} 2\n", "bucket{class=\"2xx\",le=\"60\"} 2\n",
        "bucket{class=\"2xx\",le=\"+Inf\"} 3\n"}) {
    CAPTURE(line);
    CHECK(text.find(of + line) != std::string::npos);
  }
  CHECK(text.find("monodon_listen_queue_length{listener=\"unix:/s\"} 3\n") !=
        std::string::npos);
}

TEST_CASE("the dashboard shows what runs, whatever its bytes", "[metrics]") {
  Stage stage;
  stage.start(1);
  begin_request(stage.page->row(1), "GET", "/</script>\xff?secret", "10.0.0.1", "",
                monotonic_ns() - kSecond);
  stage.board.add_event({scoreboard::EventKind::worker_ended, 0, 1, 1, "died \xff"});
  Surroundings around;
  around.facts.application = "site.wsgi";
  const auto json = nlohmann::json::parse(
      dashboard_json(stage.observer.look(monotonic_ns()), around, true));
  CHECK(json["application"] == "site.wsgi");
  const auto& slot = json["slots"][0];
  CHECK(slot["state"] == "serving");
  CHECK(slot["running"][0]["request"] == "GET /</script>\xEF\xBF\xBD");
  CHECK(slot["running"][0]["remote"] == "10.0.0.1");
  CHECK(slot["running"][0]["age"].get<double>() >= 1.0);
  CHECK(json["totals"]["requests"] == 1);
  CHECK(json["events"][0]["text"] == "died \xEF\xBF\xBD");
}

TEST_CASE("the dashboard lets nothing in but itself", "[metrics]") {
  const std::string nonce = make_nonce();
  CHECK(nonce.size() == 32);
  CHECK(nonce != make_nonce());
  const std::string page = dashboard_page(nonce, "<p>${nonce}</p>");
  CHECK(page.find("<script nonce=\"" + nonce + "\">") != std::string::npos);
  CHECK(page.find("<p>${nonce}</p>") != std::string::npos);  // is not ours to fill in
  CHECK(page.find("http:") == std::string::npos);  // no resource from elsewhere
  CHECK(page.find("https:") == std::string::npos);
  CHECK(page.find("innerHTML") == std::string::npos);  // texts stay texts
  CHECK(dashboard_policy(nonce).find("default-src 'none'") == 0);
}

// The page belongs to a process that may be anybody's by now.
TEST_CASE("random bytes in a page neither crash nor turn back a counter", "[metrics]") {
  Stage stage;
  stage.start(1);
  std::mt19937_64 random{20261124};
  auto* const words =
      reinterpret_cast<std::atomic<std::uint64_t>*>(&stage.page->header());
  const std::size_t count = scoreboard::page_size(2) / sizeof *words;
  scoreboard::TotalsWords before{};
  for (int run = 0; run < 2000; ++run) {
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t value = random() % 3 == 0 ? random() % 1000 : random();
      words[random() % count].store(value, std::memory_order_relaxed);
    }
    const Sight sight = stage.observer.look(monotonic_ns());
    const auto now = std::bit_cast<scoreboard::TotalsWords>(sight.sum);
    for (std::size_t i = 0; i < now.size(); ++i) {
      CAPTURE(run, i);
      if (now[i] < before[i]) REQUIRE(now[i] >= before[i]);
    }
    before = now;
    CHECK(ready(sight, 1).text.size() < 100);
    if (run % 100 == 0) CHECK(exposed(sight).size() < 64 * 1024);
  }
}

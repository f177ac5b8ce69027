// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/sightings.h"

#include <catch2/catch.hpp>
#include <memory>

#include "scoreboard/page_view.h"
#include "tests/support/cpp/nanoseconds.h"

using namespace monodon;
using namespace monodon::worker;

namespace {

using monodon::test::kSecond;

// One thread's row, and what it was asked for: one request a second.
struct Thread {
  std::unique_ptr<scoreboard::ThreadRow> row =
      std::make_unique<scoreboard::ThreadRow>();
  Sightings sightings;
  std::uint64_t now = kSecond;

  void asked(std::string_view path, std::string_view client, int status = 200,
             std::string_view field = "Accept", std::uint64_t took_ns = 1,
             std::string_view method = "GET") {
    now += kSecond;
    http::RequestHead head;
    head.method = method;
    head.target = path;
    head.host = "site.test";
    head.fields.push_back({field, "x"});
    http::Origin origin;
    origin.remote_addr = client;
    sightings.look(*row, head, origin, status, took_ns, now);
  }

  [[nodiscard]] int kept() const {
    int count = 0;
    for (const auto& one : row->sightings) count += one.path[0] != 0;
    return count;
  }

  [[nodiscard]] int clients() const {
    int count = 0;
    for (const auto& one : row->sightings[0].clients) count += one != 0;
    return count;
  }
};

}  // namespace

TEST_CASE("different clients of a path are counted, up to three", "[sightings]") {
  Thread thread;
  for (const char* client : {"10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"})
    thread.asked("/", client);
  CHECK(thread.kept() == 1);
  CHECK(thread.clients() == 2);
  thread.asked("/", "10.0.0.3");
  thread.asked("/", "10.0.0.4");
  CHECK(thread.clients() == 3);
}

TEST_CASE("only what anybody may ask for is kept", "[sightings]") {
  Thread thread;
  thread.asked("/", "10.0.0.1", 500);
  thread.asked("/", "10.0.0.1", 302);
  thread.asked("/?q=x", "10.0.0.1");
  thread.asked("/reset/MQ/c5h7kp-9a8b7c6d5e4f3a2b1c0d/", "10.0.0.1");
  thread.asked("/", "10.0.0.1", 200, "COOKIE");
  thread.asked("/", "10.0.0.1", 200, "Authorization");
  thread.asked("/", "10.0.0.1", 200, "Accept", kSecond);
  thread.asked("/", "10.0.0.1", 200, "Accept", 1, "POST");
  thread.asked("/", "");
  thread.asked("/" + std::string(200, '-'), "10.0.0.1");
  CHECK(thread.kept() == 0);
  CHECK(thread.clients() == 0);
  thread.asked("/", "10.0.0.1");
  CHECK(thread.kept() == 1);
}

TEST_CASE("of other answers the name of the site is kept", "[sightings]") {
  Thread thread;
  thread.asked("/?q=x", "10.0.0.1", 404);
  CHECK(thread.row->sightings[0].seen_ns == 0);
  thread.asked("/?q=x", "10.0.0.1", 200, "Cookie");
  CHECK(thread.row->sightings[0].seen_ns != 0);
  CHECK(thread.row->sightings[0].host[0] != 0);
  CHECK(thread.kept() == 0);
}

TEST_CASE("a new path takes the place of the one that was not seen for longest",
          "[sightings]") {
  Thread thread;
  for (int i = 0; i < 8; ++i) thread.asked("/" + std::to_string(i), "10.0.0.1");
  thread.asked("/0", "10.0.0.2");
  thread.asked("/new", "10.0.0.1");
  CHECK(thread.kept() == 8);
  CHECK(thread.clients() == 2);  // of /0, still in its place
  thread.asked("/1", "10.0.0.2");
  CHECK(thread.row->sightings[1].clients[1] == 0);  // it had gone, and is new
}

TEST_CASE("one request in a while is looked at", "[sightings]") {
  Thread thread;
  CHECK(thread.sightings.due(thread.now));
  thread.asked("/", "10.0.0.1");
  CHECK_FALSE(thread.sightings.due(thread.now + 1'000'000));
  CHECK(thread.sightings.due(thread.now + kSecond));
}

// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/connection.h"

#include <catch2/catch.hpp>
#include <thread>

#include "worker/loop/connection_pool.h"

using namespace monodon::worker;

TEST_CASE("an event for an owned connection is seen when it is parked",
          "[connection]") {
  Ownership o;
  o.take_new();
  CHECK_FALSE(o.claim());  // leaves a note
  CHECK_FALSE(o.park());   // still owned: there is something to look at
  CHECK(o.park());
  CHECK(o.claim());
  CHECK_FALSE(o.try_claim());
  CHECK(o.park());  // try_claim leaves no note
}

TEST_CASE("no event is lost between two threads", "[connection]") {
  Ownership o;
  o.take_new();
  constexpr int kEvents = 50'000;
  std::atomic<int> produced{0};
  std::atomic<int> handled{0};
  // Whoever owns it handles everything that was produced so far, then parks; a park
  // that is refused means more to handle.
  const auto own = [&] {
    do {
      handled = produced.load();
    } while (!o.park());
  };
  std::thread other{[&] {
    for (int i = 0; i < kEvents; ++i) {
      ++produced;
      if (o.claim()) own();
    }
  }};
  own();
  for (int i = 0; i < kEvents; ++i) {
    ++produced;
    if (o.claim()) own();
  }
  other.join();
  CHECK(handled == 2 * kEvents);
}

TEST_CASE("a closed connection cannot be claimed and comes back clean",
          "[connection]") {
  Settings settings;
  ConnectionPool pool{settings};
  Connection* c = pool.take();
  REQUIRE(c != nullptr);
  CHECK(pool.open() == 1);
  c->input.append("left over");
  c->kept = true;
  c->peer.address = "192.0.2.1";
  pool.give(*c);
  CHECK(pool.open() == 0);
  CHECK_FALSE(c->ownership.try_claim());
  Connection* again = pool.take();
  CHECK(again == c);
  CHECK(again->input.empty());
  CHECK_FALSE(again->kept);
  CHECK(again->peer.address.empty());
  pool.give(*again);
}

TEST_CASE("buffered input survives growing and is given back when released",
          "[connection]") {
  ByteBuffer b;
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    const std::string piece = std::to_string(i);
    b.append(piece);
    all += piece;
  }
  CHECK(b.view() == all);
  b.consume(100);
  b.append("end");
  CHECK(b.view() == all.substr(100) + "end");
  b.release();
  CHECK(b.empty());
}

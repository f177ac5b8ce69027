// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/leadership.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using monodon::worker::Leadership;

TEST_CASE("a leader that comes back from the application still leads", "[leadership]") {
  Leadership l;
  REQUIRE(l.leads(0));
  l.enter_app(0);
  CHECK_FALSE(l.leads(0));
  CHECK(l.leave_app(0));
  CHECK(l.leads(0));
}

TEST_CASE("a promoted follower leads, and the one before follows", "[leadership]") {
  Leadership l;
  CHECK_FALSE(l.in_app());
  l.enter_app(0);
  const auto stay = l.in_app();
  REQUIRE(stay);
  CHECK(l.promote(*stay, 3));
  CHECK(l.leads(3));
  CHECK_FALSE(l.leave_app(0));
  CHECK_FALSE(l.leads(0));
}

TEST_CASE("a stay that is over can be neither promoted nor borrowed", "[leadership]") {
  Leadership l;
  l.enter_app(0);
  const auto stay = l.in_app();
  REQUIRE(l.leave_app(0));
  l.enter_app(0);
  CHECK(l.in_app() != stay);
  CHECK_FALSE(l.promote(*stay, 1));
  CHECK_FALSE(l.borrow(*stay));
}

TEST_CASE("the leader waits until the keeper gives the leadership back",
          "[leadership]") {
  Leadership l;
  l.enter_app(0);
  const auto stay = l.in_app();
  REQUIRE(l.borrow(*stay));
  CHECK_FALSE(l.in_app());
  std::atomic<bool> given_back{false};
  std::thread leader{[&] {
    CHECK(l.leave_app(0));
    CHECK(given_back);
  }};
  given_back = true;
  l.give_back(*stay);
  leader.join();
}

TEST_CASE("however promotions and returns interleave, one thread leads",
          "[leadership]") {
  Leadership l;
  std::atomic<int> leading{0};
  std::atomic<bool> broken{false};
  std::atomic<bool> stop{false};
  constexpr int kTurns = 20'000;
  std::vector<std::thread> threads;
  std::atomic<int> turns{0};
  for (unsigned me = 0; me < 3; ++me)
    threads.emplace_back([&, me] {
      while (turns < kTurns) {
        if (!l.leads(me)) {
          std::this_thread::yield();
          continue;
        }
        if (++leading != 1) broken = true;
        --leading;
        ++turns;
        l.enter_app(me);
        (void)l.leave_app(me);
      }
    });
  std::thread keeper{[&] {
    for (unsigned next = 0; !stop; ++next)
      if (const auto stay = l.in_app()) {
        if (next % 2 == 0)
          (void)l.promote(*stay, next / 2 % 3);
        else if (l.borrow(*stay))
          l.give_back(*stay);
      }
  }};
  for (auto& t : threads) t.join();
  stop = true;
  keeper.join();
  CHECK_FALSE(broken);
  CHECK(turns >= kTurns);
}

// SPDX-License-Identifier: Apache-2.0
#include "master/system/event_loop.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <system_error>
#include <vector>

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

namespace {

// One that is readable until it is taken.
struct OneEvent {
  UniqueFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  void raise() const { REQUIRE(::eventfd_write(fd.get(), 1) == 0); }
  void take() const {
    eventfd_t value = 0;
    (void)::eventfd_read(fd.get(), &value);
  }
};

}  // namespace

TEST_CASE("of what is ready the lowest rank comes first, one in each turn",
          "[event_loop]") {
  EventLoop loop;
  const OneEvent message;
  const OneEvent normal;
  const OneEvent death;
  std::string order;
  const auto watch = [&](const OneEvent& event, EventLoop::Rank rank, char letter) {
    event.raise();
    return loop.on_io(event.fd.get(), rank, [&, letter] {
      event.take();
      order += letter;
      if (order == "mnd" || order == "mndm") message.raise();
      if (order.size() >= 5) loop.stop();
    });
  };
  const auto d = watch(death, EventLoop::Rank::death, 'd');
  const auto n = watch(normal, EventLoop::Rank::normal, 'n');
  const auto m = watch(message, EventLoop::Rank::message, 'm');
  int turns = 0;
  loop.on_turn([&] { ++turns; });
  loop.run();
  CHECK(order == "mndmm");
  CHECK(turns == 5);
}

TEST_CASE("of equals that are always ready each has its turn", "[event_loop]") {
  EventLoop loop;
  const OneEvent one;
  const OneEvent two;
  one.raise();
  two.raise();
  std::string order;
  const auto add = [&](char letter) {
    return [&, letter] {
      order += letter;
      if (order.size() == 6) loop.stop();
    };
  };
  const auto a = loop.on_io(one.fd.get(), EventLoop::Rank::normal, add('a'));
  const auto b = loop.on_io(two.fd.get(), EventLoop::Rank::normal, add('b'));
  loop.run();
  CHECK((order == "ababab" || order == "bababa"));
}

TEST_CASE("an event waits while its watch is off, and is gone with it",
          "[event_loop]") {
  EventLoop loop;
  const OneEvent event;
  event.raise();
  int seen = 0;
  auto watch = loop.on_io(event.fd.get(), EventLoop::Rank::message, [&] { ++seen; });
  auto timer = loop.on_time([&] { loop.stop(); });
  EventLoop::enable(watch, false);
  EventLoop::arm(timer, Clock::now());
  loop.run();
  CHECK(seen == 0);

  EventLoop again;
  auto moved = again.on_io(event.fd.get(), EventLoop::Rank::message, [&] {
    ++seen;
    again.stop();
  });
  EventLoop::enable(moved, false);
  EventLoop::enable(moved, true);
  auto kept = std::move(moved);
  moved = {};
  again.run();
  CHECK(seen == 1);

  EventLoop third;
  auto destroyed =
      third.on_io(event.fd.get(), EventLoop::Rank::normal, [&] { ++seen; });
  const auto end = third.on_time([&] { third.stop(); });
  const OneEvent last;
  last.raise();
  const auto first = third.on_io(last.fd.get(), EventLoop::Rank::message, [&] {
    last.take();
    destroyed = {};
    EventLoop::arm(end, Clock::now());
  });
  third.run();
  CHECK(seen == 1);
}

TEST_CASE("a signal is an event like any other, and stays blocked", "[event_loop]") {
  EventLoop loop;
  int seen = 0;
  {
    const auto signal = loop.on_signal(SIGURG, [&] {
      ++seen;
      loop.stop();
    });
    REQUIRE(::kill(::getpid(), SIGURG) == 0);
    loop.run();
  }
  CHECK(seen == 1);
  sigset_t blocked;
  REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &blocked) == 0);
  CHECK(::sigismember(&blocked, SIGURG) == 1);
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGURG);
  REQUIRE(::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr) == 0);
}

TEST_CASE(
    "a clock strikes once each time it is armed, not before, and never when it "
    "is disarmed",
    "[event_loop]") {
  EventLoop loop;
  std::vector<Clock::time_point> struck;
  EventLoop::OnTime timer;
  const auto never = loop.on_time([&] { FAIL("disarmed"); });
  const auto start = Clock::now();
  EventLoop::arm(never, start + 5ms);
  EventLoop::arm(never, Clock::time_point::max());
  timer = loop.on_time([&] {
    struck.push_back(Clock::now());
    // The past is now.
    if (struck.size() == 1) EventLoop::arm(timer, Clock::time_point{} - 1h);
    if (struck.size() == 2) loop.stop();
  });
  EventLoop::arm(timer, start + 20ms);
  loop.run();
  REQUIRE(struck.size() == 2);
  CHECK(struck[0] >= start + 20ms);
}

TEST_CASE("what cannot be watched is an error", "[event_loop]") {
  EventLoop loop;
  const auto made = loop.try_io(-1, EventLoop::Rank::normal, [] {});
  REQUIRE_FALSE(made);
  CHECK(made.error().code == EBADF);
  CHECK_THROWS_AS(loop.on_io(-1, EventLoop::Rank::normal, [] {}), std::system_error);
  const OneEvent event;
  const auto once = loop.on_io(event.fd.get(), EventLoop::Rank::normal, [] {});
  CHECK(loop.try_io(event.fd.get(), EventLoop::Rank::normal, [] {}).error().code ==
        EEXIST);
}

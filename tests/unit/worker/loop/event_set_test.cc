// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/event_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <system_error>

using namespace monodon;
using worker::EventSet;

namespace {

constexpr std::uint64_t kWake = 7;

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    std::array<int, 2> fds{};
    REQUIRE(::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
};

}  // namespace

TEST_CASE("a wait ends for what is watched, and for who wakes it", "[event_set]") {
  EventSet set{kWake};
  std::array<epoll_event, 4> events{};
  CHECK(set.wait(events, 0) == 0);

  Pipe pipe;
  set.watch(pipe.read.get(), 21, EPOLLIN);
  REQUIRE(::write(pipe.write.get(), "x", 1) == 1);
  REQUIRE(set.wait(events, -1) == 1);
  CHECK(events[0].data.u64 == 21);

  set.unwatch(pipe.read.get());
  set.wake();
  REQUIRE(set.wait(events, -1) == 1);
  CHECK(events[0].data.u64 == kWake);
}

TEST_CASE("being woken is told once for each time, whether or not it is read",
          "[event_set]") {
  EventSet set{kWake};
  std::array<epoll_event, 4> events{};
  set.wake();
  CHECK(set.wait(events, -1) == 1);
  CHECK(set.wait(events, 0) == 0);
  set.woken();
  set.wake();
  CHECK(set.wait(events, -1) == 1);
}

TEST_CASE("no descriptor is nothing to watch, a bad one is an error", "[event_set]") {
  EventSet set{kWake};
  set.watch(-1, 1, EPOLLIN);
  Pipe pipe;
  const int closed = pipe.read.release();
  ::close(closed);
  CHECK_THROWS_AS(set.watch(closed, 1, EPOLLIN), std::system_error);
  CHECK_FALSE(set.control(EPOLL_CTL_ADD, closed, EPOLLIN, nullptr));
  CHECK(errno == EBADF);
}

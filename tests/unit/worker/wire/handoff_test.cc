// SPDX-License-Identifier: Apache-2.0
#include "worker/wire/handoff.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "worker/wire/wire.h"

using namespace monodon;
using namespace monodon::worker;

namespace {

std::array<UniqueFd, 2> pair_of(int type) {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) ==
          0);
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

}  // namespace

TEST_CASE("a connection arrives with what was read of it", "[handoff]") {
  auto queue = pair_of(SOCK_SEQPACKET);
  auto client = pair_of(SOCK_STREAM);
  Handoff h;
  h.listener = 2;
  h.kept = true;
  h.input = std::string("GET / HT\0TP", 11);
  REQUIRE(send_handoff(queue[0].get(), client[1].get(), h));
  client[1].reset();  // ours is closed; the one in flight lives

  auto got = receive_handoff(queue[1].get());
  REQUIRE(got);
  CHECK(got.value().listener == 2);
  CHECK(got.value().kept);
  CHECK(got.value().input == h.input);
  REQUIRE(::write(got.value().fd.get(), "ok", 2) == 2);
  std::array<char, 2> answer{};
  CHECK(::read(client[0].get(), answer.data(), 2) == 2);
}

TEST_CASE("those that wait are counted", "[handoff]") {
  auto queue = pair_of(SOCK_SEQPACKET);
  auto client = pair_of(SOCK_STREAM);
  CHECK(count_handoffs(queue[1].get()) == 0);
  for (std::size_t n = 1; n <= 3; ++n) {
    REQUIRE(send_handoff(queue[0].get(), client[1].get(), {}));
    CHECK(count_handoffs(queue[1].get()) == n);
  }
  REQUIRE(receive_handoff(queue[1].get()));
  CHECK(count_handoffs(queue[1].get()) == 2);
}

TEST_CASE("the client of a proxy goes with its connection", "[handoff]") {
  auto queue = pair_of(SOCK_SEQPACKET);
  auto client = pair_of(SOCK_STREAM);
  Handoff h;
  h.client = "2001:db8::1";
  h.client_port = 50000;
  h.input = "GET /";
  REQUIRE(send_handoff(queue[0].get(), client[1].get(), h));
  auto got = receive_handoff(queue[1].get());
  REQUIRE(got);
  CHECK(got.value().client == h.client);
  CHECK(got.value().client_port == h.client_port);
  CHECK(got.value().input == h.input);
  CHECK_FALSE(got.value().kept);
  // Cut off, as nobody of ours sends it.
  const std::string text{"\0\0\2\0\1\0\xff\0x", 9};
  const int fd = client[0].get();
  REQUIRE(wire::send(queue[0].get(), {wire::Kind::handoff}, text, {&fd, 1}));
  CHECK(receive_handoff(queue[1].get()).error().code == EPROTO);
}

TEST_CASE("a full queue and too much input leave the connection where it is",
          "[handoff]") {
  auto queue = pair_of(SOCK_SEQPACKET);
  auto client = pair_of(SOCK_STREAM);
  Handoff h;
  h.input.assign(kMostInput + 1, 'x');
  CHECK(send_handoff(queue[0].get(), client[1].get(), h).error().code == EMSGSIZE);
  h.input.assign(kMostInput, 'x');
  Outcome last = ok();
  for (int i = 0; i < 10'000 && last; ++i)
    last = send_handoff(queue[0].get(), client[1].get(), h);
  REQUIRE_FALSE(last);
  CHECK(last.error().code == EAGAIN);
}

TEST_CASE("nobody waits at a queue that another worker made blocking", "[handoff]") {
  const auto queue = pair_of(SOCK_SEQPACKET);
  REQUIRE(::fcntl(queue[1].get(), F_SETFL, 0) == 0);
  ::alarm(20);
  CHECK(receive_handoff(queue[1].get()).error().code == EAGAIN);
  ::alarm(0);
}

TEST_CASE("what is not a handoff is dropped", "[handoff]") {
  auto queue = pair_of(SOCK_SEQPACKET);
  CHECK(receive_handoff(queue[1].get()).error().code == EAGAIN);
  REQUIRE(wire::send(queue[0].get(), {wire::Kind::ready}, "text"));
  CHECK(receive_handoff(queue[1].get()).error().code == EPROTO);
  REQUIRE(wire::send(queue[0].get(), {wire::Kind::handoff}, "x"));
  CHECK(receive_handoff(queue[1].get()).error().code == EPROTO);
}

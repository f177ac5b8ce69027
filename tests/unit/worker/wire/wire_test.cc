// SPDX-License-Identifier: Apache-2.0
#include "worker/wire/wire.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "worker/wire/boot.h"

using namespace monodon;

namespace {

struct Pair {
  UniqueFd a, b;
  Pair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                         fds.data()) == 0);
    a.reset(fds[0]);
    b.reset(fds[1]);
  }
};

}  // namespace

TEST_CASE("a message arrives whole, with its text and its descriptors", "[wire]") {
  Pair pair;
  UniqueFd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const std::array<int, 2> fds{null.get(), pair.a.get()};
  REQUIRE(wire::send(pair.a.get(), {wire::Kind::fork, 3, 17, 2, -5}, "text", fds));

  auto got = wire::receive(pair.b.get());
  REQUIRE(got);
  const wire::Message& m = got.value();
  CHECK(m.frame.kind == wire::Kind::fork);
  CHECK(m.frame.slot == 3);
  CHECK(m.frame.serial == 17);
  CHECK(m.frame.generation == 2);
  CHECK(m.frame.value == -5);
  CHECK(m.text == "text");
  REQUIRE(m.fds.size() == 2);
  CHECK((::fcntl(m.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("an empty socket, a dead peer and a torn packet are told apart", "[wire]") {
  Pair pair;
  CHECK(wire::receive(pair.b.get()).error().code == EAGAIN);
  REQUIRE(::send(pair.a.get(), "short", 5, 0) == 5);
  CHECK(wire::receive(pair.b.get()).error().code == EPROTO);
  pair.a.reset();
  CHECK(wire::receive(pair.b.get()).error().code == ECONNRESET);
  CHECK(wire::send(pair.b.get(), {wire::Kind::ready}).error().code == EPIPE);
}

TEST_CASE("last words are heard from a peer that left something of ours unread",
          "[wire]") {
  Pair pair;
  REQUIRE(wire::send(pair.b.get(), {wire::Kind::judge_imports}));  // never read
  REQUIRE(wire::send(pair.a.get(), {wire::Kind::load_failed}, "why"));
  pair.a.reset();
  const auto words = wire::receive(pair.b.get());
  REQUIRE(words);
  CHECK(words.value().frame.kind == wire::Kind::load_failed);
  CHECK(words.value().text == "why");
  CHECK(wire::receive(pair.b.get()).error().code == ECONNRESET);
  CHECK(wire::receive(pair.b.get()).error().code == ECONNRESET);
}

TEST_CASE("a reader that does not read never blocks the sender", "[wire]") {
  Pair pair;
  Outcome last = ok();
  for (int i = 0; i < 100'000 && last; ++i)
    last = wire::send(pair.a.get(), {wire::Kind::ready});
  REQUIRE_FALSE(last);
  CHECK(last.error().code == EAGAIN);
}

TEST_CASE("settings survive the boot message", "[wire]") {
  worker::Boot boot;
  boot.settings.application = "site.wsgi:application";
  boot.settings.threads = 7;
  boot.settings.limit_request_body = 1ULL << 40;
  boot.settings.environment = {"A=1", "B=\xff"};
  boot.listeners.push_back({"http", "127.0.0.1:8000", false, "127.0.0.1", 8000});
  auto back = worker::boot_from_json(worker::to_json(boot));
  REQUIRE(back);
  CHECK(back.value().settings.application == "site.wsgi:application");
  CHECK(back.value().settings.threads == 7);
  CHECK(back.value().settings.limit_request_body == 1ULL << 40);
  CHECK(back.value().listeners.at(0).port == 8000);
  CHECK_FALSE(worker::boot_from_json("{\"settings\":{}}"));
}

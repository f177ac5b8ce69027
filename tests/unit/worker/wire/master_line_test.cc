// SPDX-License-Identifier: Apache-2.0
#include "worker/wire/master_line.h"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>

using namespace monodon;
using worker::MasterLine;

namespace {

struct Line {
  worker::Heritage heritage{.slot = 3, .serial = 17, .generation = 2};
  UniqueFd master;
  MasterLine line{heritage};

  Line() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                         fds.data()) == 0);
    heritage.channel.reset(fds[0]);
    master.reset(fds[1]);
  }

  // Until the master's end has no room.
  int fill() {
    int sent = 0;
    while (line.tell(wire::Kind::slow)) ++sent;
    return sent;
  }
  // Everything but what fill() sent.
  std::vector<wire::Message> heard() {
    std::vector<wire::Message> all;
    while (auto got = wire::receive(master.get()))
      if (got.value().frame.kind != wire::Kind::slow)
        all.push_back(std::move(got).value());
    return all;
  }
};

}  // namespace

TEST_CASE("what a worker says names its slot, serial and generation", "[master_line]") {
  Line l;
  REQUIRE(l.line.tell(wire::Kind::boot_failed, 4, "why"));
  const auto heard = l.heard();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].frame.kind == wire::Kind::boot_failed);
  CHECK(heard[0].frame.slot == 3);
  CHECK(heard[0].frame.serial == 17);
  CHECK(heard[0].frame.generation == 2);
  CHECK(heard[0].frame.value == 4);
  CHECK(heard[0].text == "why");
}

TEST_CASE("a report waits for a master that does not read, one of each kind",
          "[master_line]") {
  Line l;
  REQUIRE(l.fill() > 0);
  l.line.report(wire::Kind::stuck, 1, "first");
  l.line.report(wire::Kind::stuck, 2, "second");
  l.line.report(wire::Kind::retire, 3);
  l.line.report_again();  // still no room
  CHECK(l.heard().empty());

  l.line.report_again();
  const auto heard = l.heard();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].text == "first");
  CHECK(heard[1].frame.value == 3);
  l.line.report_again();
  CHECK(l.heard().empty());
}

TEST_CASE("a worker asks once to be replaced, whatever the reasons", "[master_line]") {
  Line l;
  l.line.ask_to_retire(wire::Retire::max_memory);
  l.line.ask_to_retire(wire::Retire::asked);
  const auto heard = l.heard();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].frame.kind == wire::Kind::retire);
  CHECK(heard[0].frame.value == static_cast<std::int64_t>(wire::Retire::max_memory));
}

TEST_CASE("every order that came is acted on, and the master's end is noticed",
          "[master_line]") {
  Line l;
  std::vector<wire::Kind> acted;
  const auto act = [&](const wire::Message& m) { acted.push_back(m.frame.kind); };
  CHECK(l.line.read(act));
  CHECK(acted.empty());

  REQUIRE(wire::send(l.master.get(), {wire::Kind::reopen_logs}));
  REQUIRE(wire::send(l.master.get(), {wire::Kind::drain}));
  CHECK(l.line.read(act));
  l.master.reset();
  CHECK_FALSE(l.line.read(act));
  CHECK(acted == std::vector{wire::Kind::reopen_logs, wire::Kind::drain});
}

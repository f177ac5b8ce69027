// SPDX-License-Identifier: Apache-2.0
#include "metrics/observation/channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <string>
#include <string_view>

using namespace monodon;
using namespace monodon::metrics;

namespace {

struct Pair {
  UniqueFd master;
  UniqueFd exporter;
  Pair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                         fds.data()) == 0);
    master.reset(fds[0]);
    exporter.reset(fds[1]);
  }
};

}  // namespace

TEST_CASE("facts and pages arrive as they were sent, with descriptors", "[metrics]") {
  const Pair pair;
  Facts facts;
  facts.application = "site.wsgi:application";
  facts.configuration_hash = "0123";
  facts.shared = false;
  facts.ready_workers = 2;
  facts.listeners = {{"unix:/s", true, 42}};
  facts.hosts = {"site.test"};
  facts.dashboard = "brief";
  const std::array<int, 2> fds{pair.master.get(), pair.exporter.get()};
  REQUIRE(send(pair.master.get(), facts, fds));
  REQUIRE(send(pair.master.get(), PageOrder{3, 17, 4, 99}, pair.master.get()));

  auto first = receive(pair.exporter.get());
  REQUIRE(first);
  CHECK(first.value().facts == facts);
  CHECK(first.value().fds.size() == 2);
  auto second = receive(pair.exporter.get());
  REQUIRE(second);
  REQUIRE(second.value().page);
  CHECK(second.value().page->serial == 17);
  CHECK(second.value().page->since_ns == 99);
  CHECK(second.value().fds.size() == 1);
  CHECK(receive(pair.exporter.get()).error().code == EAGAIN);
}

TEST_CASE("the largest story of a reload fits into a packet", "[metrics]") {
  const Pair pair;
  ReloadStory story;
  story.step = "rolling";
  story.generation = 4;
  story.last_outcome = "refused";
  story.last_took = 1.5;
  story.last_reason = std::string(ReloadStory::kLongestReason, '"');
  REQUIRE(send(pair.master.get(), story));
  const auto heard = receive(pair.exporter.get());
  REQUIRE(heard);
  REQUIRE(heard.value().reload);
  CHECK(*heard.value().reload == story);
}

TEST_CASE("stacks are asked for by a number, and nothing else is heard", "[metrics]") {
  const Pair pair;
  CHECK(receive_request(pair.master.get()).error().code == EAGAIN);
  REQUIRE(request_stacks(pair.exporter.get(), 63));
  const auto slot = receive_request(pair.master.get());
  REQUIRE(slot);
  CHECK(slot.value() == 63);
  for (const std::string_view nonsense :
       {"-1", "{}", "4294967296", "11111111111111111"}) {
    REQUIRE(::send(pair.exporter.get(), nonsense.data(), nonsense.size(), 0) > 0);
    CHECK(receive_request(pair.master.get()).error().code == EPROTO);
  }
  REQUIRE(send(pair.master.get(), StacksAnswer{63, "no worker"}, -1));
  const auto answer = receive(pair.exporter.get());
  REQUIRE(answer);
  REQUIRE(answer.value().stacks);
  CHECK(answer.value().stacks->refusal == "no worker");
  CHECK(answer.value().fds.empty());
}

TEST_CASE("the end of the master is told apart from nonsense", "[metrics]") {
  Pair pair;
  constexpr std::string_view kNonsense = "{\"page\":{\"slot\":\"x\"}}";
  REQUIRE(::send(pair.master.get(), kNonsense.data(), kNonsense.size(), 0) > 0);
  CHECK(receive(pair.exporter.get()).error().code == EPROTO);
  pair.master.reset();
  CHECK(receive(pair.exporter.get()).error().code == ECONNRESET);
}

TEST_CASE("an exporter that does not read never holds the master up", "[metrics]") {
  const Pair pair;
  int code = 0;
  for (int i = 0; i < 100'000 && code == 0; ++i)
    if (auto sent = send(pair.master.get(), Facts{}, {}); !sent)
      code = sent.error().code;
  CHECK(code == EAGAIN);
}

TEST_CASE("a beat says nothing, and shows by its absence that it was read",
          "[metrics]") {
  const Pair pair;
  CHECK(is_all_read(pair.master.get()));
  REQUIRE(send_beat(pair.master.get()));
  CHECK_FALSE(is_all_read(pair.master.get()));
  auto heard = receive(pair.exporter.get());
  REQUIRE(heard);
  CHECK_FALSE(heard.value().facts);
  CHECK_FALSE(heard.value().page);
  CHECK(is_all_read(pair.master.get()));
}

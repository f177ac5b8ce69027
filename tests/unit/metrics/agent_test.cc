// SPDX-License-Identifier: Apache-2.0
#include "metrics/agent.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::metrics;

TEST_CASE("the weight falls as a server saturates, and never to a drain", "[agent]") {
  const Verdict good{true, "2 workers serve, 1 are needed\n"};
  CHECK(agent_line({.ready = good}) == "ready up 100%\n");
  CHECK(agent_line({.ready = good, .saturation = 0.5}) == "ready up 55%\n");
  CHECK(agent_line({.ready = good, .saturation = 1}) == "ready up 10%\n");
  CHECK(agent_line({.ready = good, .saturation = 7}) == "ready up 10%\n");
}

TEST_CASE("an agent drains what stops, and takes down what does not move", "[agent]") {
  const Verdict good{true, ""};
  const Verdict bad{false, "0 workers serve, 1 are needed\n"};
  CHECK(agent_line({.ready = bad, .stopping = true}) == "drain #the server stops\n");
  CHECK(agent_line({.ready = bad}) == "down #0 workers serve, 1 are needed\n");
  CHECK(agent_line({.ready = good, .refused = true}) ==
        "ready up 100% #the last reload was refused\n");
  CHECK(agent_line({.ready = good, .refused = true, .drain_refused = true}) ==
        "drain #the last reload was refused\n");
}

TEST_CASE("an agent gives each client its line and the end", "[agent]") {
  for (const char* const wrong : {"", "9118", "localhost:9118", "127.0.0.1:http"})
    CHECK_FALSE(listen_for_agents(wrong).has_value());
  auto listening = listen_for_agents("127.0.0.1:0");
  REQUIRE(listening.has_value());
  sockaddr_in address{};
  socklen_t size = sizeof address;
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::getsockname(listening.value().get(), where, &size) == 0);
  const UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(::connect(client.get(), where, size) == 0);
  REQUIRE(::send(client.get(), "hello\n", 6, 0) == 6);  // agent-send
  answer_agents(listening.value().get(), "ready up 100%\n");
  std::array<char, 64> answer{};
  CHECK(::recv(client.get(), answer.data(), answer.size(), MSG_WAITALL) == 14);
  answer_agents(listening.value().get(), "nobody waits\n");
}

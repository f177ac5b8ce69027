// SPDX-License-Identifier: Apache-2.0
// The answers to HAProxy's agent-check.
#include "metrics/agent.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace monodon::metrics {
namespace {

constexpr double kLeast = 10;  // percent of the weight: 0 would be a drain
constexpr int kMostAtOnce = 64;

int weight_of(double saturation) {
  const double free = 1.0 - std::clamp(saturation, 0.0, 1.0);
  return static_cast<int>(std::lround(kLeast + (100 - kLeast) * free));
}

}  // namespace

std::string agent_line(const AgentSight& sight) {
  if (sight.stopping) return "drain #the server stops\n";
  if (!sight.ready.good)
    return fmt::format("down #{}\n",
                       sight.ready.text.substr(0, sight.ready.text.find('\n')));
  if (sight.refused && sight.drain_refused)
    return "drain #the last reload was refused\n";
  return fmt::format("ready up {}%{}\n", weight_of(sight.saturation),
                     sight.refused ? " #the last reload was refused" : "");
}

Result<UniqueFd> listen_for_agents(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Error{"agent_bind: not host:port: " + address};
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.empty() ? nullptr : host.c_str(), address.c_str() + colon + 1,
                    &hints, &found) != 0)
    return Error{"agent_bind: not an address and a port: " + address};
  UniqueFd fd{
      ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int on = 1;
  const bool listens =
      fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 &&
      ::listen(fd.get(), kMostAtOnce) == 0;
  Error error = last_error("listen for agents at " + address);
  ::freeaddrinfo(found);
  if (!listens) return error;
  return fd;
}

void answer_agents(int listener, std::string_view line) {
  for (int i = 0; i < kMostAtOnce; ++i) {
    const UniqueFd client{
        ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!client) return;
    (void)::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL);
    (void)::shutdown(client.get(), SHUT_WR);
    // What it has said (agent-send) is of no use, and must not make a reset of the end.
    std::array<char, 512> said{};
    (void)::recv(client.get(), said.data(), said.size(), MSG_DONTWAIT);
  }
}

}  // namespace monodon::metrics

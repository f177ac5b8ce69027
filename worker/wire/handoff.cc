// SPDX-License-Identifier: Apache-2.0
// A connection from one worker to another, with what it has read.
#include "worker/wire/handoff.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/process/closer.h"
#include "worker/wire/wire.h"

namespace monodon::worker {

namespace {

// In front of the text of a wire frame of kind `handoff`. `flags` was `kept` alone:
// what waits in the pair may be of a version before.
struct Header {
  std::uint16_t listener;
  std::uint16_t flags;
};
constexpr std::uint16_t kKept = 1;
constexpr std::uint16_t kProxied = 2;

// Behind it with kProxied, and then the address itself.
struct Client {
  std::uint16_t port;
  std::uint16_t size;
};

}  // namespace

Outcome send_handoff(int socket, int fd, const Handoff& what) {
  if (what.input.size() > kMostInput)
    return Error{"hand connection over: too much buffered", EMSGSIZE};
  const Header header{what.listener,
                      static_cast<std::uint16_t>((what.kept ? kKept : 0) |
                                                 (what.client.empty() ? 0 : kProxied))};
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  if (!what.client.empty()) {
    const Client client{what.client_port,
                        static_cast<std::uint16_t>(what.client.size())};
    text.append(reinterpret_cast<const char*>(&client), sizeof client);
    text += what.client;
  }
  text += what.input;
  return wire::send(socket, {wire::Kind::handoff}, text, {&fd, 1});
}

// The kernel tells the bytes of all packets: unix_inq_len() of net/unix/af_unix.c.
std::size_t count_handoffs(int socket) noexcept {
  constexpr std::size_t kLeast = sizeof(wire::Frame) + sizeof(Header);
  int bytes = 0;
  if (::ioctl(socket, FIONREAD, &bytes) != 0 || bytes <= 0) return 0;
  return std::max<std::size_t>(static_cast<std::size_t>(bytes) / kLeast, 1);
}

Result<Handoff> receive_handoff(int socket) {
  const auto dispose = [](std::vector<UniqueFd> fds) {
    Closer::of_process().close(std::move(fds));
  };
  auto got = wire::receive(socket, dispose);
  if (!got) return got.error();
  wire::Message& m = got.value();
  Header header{};
  const auto refuse = [&] {
    dispose(std::move(m.fds));
    return Error{"take connection over: malformed message", EPROTO};
  };
  if (m.frame.kind != wire::Kind::handoff || m.fds.size() != 1 ||
      m.text.size() < sizeof header)
    return refuse();
  std::memcpy(&header, m.text.data(), sizeof header);
  Handoff result;
  result.listener = header.listener;
  result.kept = (header.flags & kKept) != 0;
  std::size_t at = sizeof header;
  if ((header.flags & kProxied) != 0) {
    Client client{};
    if (m.text.size() < at + sizeof client) return refuse();
    std::memcpy(&client, m.text.data() + at, sizeof client);
    at += sizeof client;
    if (m.text.size() < at + client.size) return refuse();
    result.client = m.text.substr(at, client.size);
    result.client_port = client.port;
    at += client.size;
  }
  result.fd = std::move(m.fds[0]);
  result.input = m.text.substr(at);
  return result;
}

}  // namespace monodon::worker

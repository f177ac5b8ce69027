// SPDX-License-Identifier: Apache-2.0
// A connection from one worker to another, with what it has read.
#include "worker/wire/handoff.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/closer.h"
#include "worker/wire/wire.h"

namespace monodon::worker {

namespace {

// In front of the text of a wire frame of kind `handoff`.
struct Header {
  std::uint16_t listener;
  std::uint16_t kept;
};

}  // namespace

Outcome send_handoff(int socket, int fd, const Handoff& what) {
  if (what.input.size() > kMostInput)
    return Error{"hand connection over: too much buffered", EMSGSIZE};
  const Header header{what.listener, static_cast<std::uint16_t>(what.kept)};
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text += what.input;
  return wire::send(socket, {wire::Kind::handoff}, text, {&fd, 1});
}

Result<Handoff> receive_handoff(int socket) {
  const auto dispose = [](std::vector<UniqueFd> fds) {
    Closer::of_process().close(std::move(fds));
  };
  auto got = wire::receive(socket, dispose);
  if (!got) return got.error();
  wire::Message& m = got.value();
  Header header{};
  const Error malformed{"take connection over: malformed message", EPROTO};
  if (m.frame.kind != wire::Kind::handoff || m.fds.size() != 1 ||
      m.text.size() < sizeof header) {
    dispose(std::move(m.fds));
    return malformed;
  }
  std::memcpy(&header, m.text.data(), sizeof header);
  Handoff result;
  result.fd = std::move(m.fds[0]);
  result.listener = header.listener;
  result.kept = header.kept != 0;
  result.input = m.text.substr(sizeof header);
  return result;
}

}  // namespace monodon::worker

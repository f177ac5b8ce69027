// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a packet between our processes, and one that hands a connection over.
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "tests/fuzz/target.h"
#include "worker/wire/handoff.h"
#include "worker/wire/wire.h"

namespace monodon {
namespace {

// One packet of those very bytes, with as many descriptors.
bool send_packet(int socket, std::string_view bytes, std::size_t descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  if (descriptors != 0) {
    const std::array<int, 2> same{socket, socket};
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
    std::memcpy(CMSG_DATA(header), same.data(), descriptors * sizeof(int));
  }
  return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

std::string broken_packet(std::string_view input, std::uint32_t seed) {
  std::array<int, 2> pair{};
  if (input.empty() ||
      ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   pair.data()) != 0)
    return {};
  const UniqueFd ours{pair[0]};
  const UniqueFd theirs{pair[1]};
  const std::size_t descriptors = seed % 3;
  const bool whole = input.size() >= sizeof(wire::Frame);
  if (!send_packet(theirs.get(), input, descriptors) ||
      !send_packet(theirs.get(), input, descriptors))
    return {};
  const auto message = wire::receive(ours.get());
  if (message.has_value() != whole)
    return "a packet that is no frame, or a frame refused";
  if (whole && (message.value().text != input.substr(sizeof(wire::Frame)) ||
                message.value().fds.size() != descriptors))
    return "a packet that is not what was sent";
  const auto handoff = worker::receive_handoff(ours.get());
  if (!handoff) return {};
  if (descriptors != 1 || !whole || message.value().frame.kind != wire::Kind::handoff ||
      !handoff.value().fd || !input.ends_with(handoff.value().input))
    return "a connection that nobody handed over";
  return {};
}

const fuzz::Target kWireTarget{"wire", broken_packet};

}  // namespace
}  // namespace monodon

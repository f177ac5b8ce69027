// SPDX-License-Identifier: Apache-2.0
// Frames with text and descriptors over a socket.
#include "worker/wire/wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/process/passed_fds.h"

namespace monodon::wire {

Outcome send(int socket, const Frame& frame, std::string_view text,
             std::span<const int> fds) {
  text = text.substr(0, kMaxText);
  Frame head = frame;
  std::array<iovec, 2> parts{
      {{&head, sizeof head}, {const_cast<char*>(text.data()), text.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = text.empty() ? 1 : 2;

  if (fds.size() > kMaxFds) return Error{"send message: too many descriptors", EINVAL};
  PassedFds<kMaxFds> passed;
  passed.attach(message, fds);
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return ok();
    if (errno != EINTR) return last_error("send message");
  }
}

bool may_pass(const Error& refusal) noexcept {
  const int code = refusal.code;
  return code == EAGAIN || code == ENOBUFS || code == ENOMEM || code == ETOOMANYREFS;
}

namespace {

// We send no packet of zero bytes, so zero is the end; but somebody may.
bool at_end(int socket) noexcept {
  pollfd look{socket, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) != 0;
}

}  // namespace

Result<Message> receive(int socket, Disposal dispose) {
  Message result;
  result.text.resize(kMaxText);
  std::array<iovec, 2> parts{
      {{&result.frame, sizeof result.frame}, {result.text.data(), result.text.size()}}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPassedFds)> control;
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();

  // Who ends with something of ours unread leaves ECONNRESET behind, which the kernel
  // tells once, before what was sent to us: the reason of that end, most likely.
  ssize_t got;
  bool reset = false;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (dispose ? MSG_DONTWAIT : 0));
  } while (got < 0 &&
           (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true))));
  if (got < 0) return last_error("receive message");
  take_passed_fds(message, result.fds);
  if (got == 0 && at_end(socket)) return Error{"end of file", ECONNRESET};
  const auto bytes = static_cast<std::size_t>(got);
  if (bytes < sizeof(Frame) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
      result.fds.size() > kMaxFds) {
    const int code = result.fds.empty() ? EPROTO : EBADMSG;
    if (dispose != nullptr) dispose(std::move(result.fds));
    return Error{"receive message: not a whole frame", code};
  }
  result.text.resize(bytes - sizeof(Frame));
  return result;
}

}  // namespace monodon::wire

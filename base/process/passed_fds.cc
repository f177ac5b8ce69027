// SPDX-License-Identifier: Apache-2.0
// Descriptors in messages: taken over, or refused.
#include "base/process/passed_fds.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

#include <cerrno>

// Linux 6.16, asm-generic/socket.h; not in every libc's headers.
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

namespace monodon {

void take_passed_fds(msghdr& message, std::vector<UniqueFd>& to) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
       c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      to.emplace_back(fd);
    }
  }
}

bool refuse_passed_fds(int unix_socket) noexcept {
  const int off = 0;
  return ::setsockopt(unix_socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

bool refuses_passed_fds(int unix_socket) noexcept {
  int on = 1;
  socklen_t size = sizeof on;
  return ::getsockopt(unix_socket, SOL_SOCKET, SO_PASSRIGHTS, &on, &size) == 0 &&
         on == 0;
}

void see_all_passed_fds(int unix_socket) noexcept {
  const int on = 1;
  (void)::setsockopt(unix_socket, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

ssize_t receive_guarded(int unix_socket, std::span<char> to,
                        std::vector<UniqueFd>& strangers) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPassedFds)> control;
  iovec part{to.data(), to.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got;
  do {
    got = ::recvmsg(unix_socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got >= 0 && message.msg_controllen != 0) take_passed_fds(message, strangers);
  return got;
}

bool has_unread(int unix_socket) noexcept {
  (void)::shutdown(unix_socket, SHUT_RDWR);
  int bytes = 0;
  return ::ioctl(unix_socket, FIONREAD, &bytes) != 0 || bytes != 0;
}

}  // namespace monodon

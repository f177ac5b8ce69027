// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace monodon {

// Descriptors that travel with a message over a Unix socket (SCM_RIGHTS, unix(7)).

// SCM_MAX_FD: the kernel refuses a message with more (EINVAL).
inline constexpr std::size_t kMaxPassedFds = 253;

// Room for the descriptors of one message, which must not outlive it. The receiver gets
// copies; the sender's stay open and are the caller's.
template <std::size_t Most>
class PassedFds {
 public:
  static_assert(Most <= kMaxPassedFds);

  // At most `Most` of them; none at all leaves the message as it is.
  void attach(msghdr& message, std::span<const int> fds) noexcept {
    if (fds.empty() || fds.size() > Most) return;
    message.msg_control = room_.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }

 private:
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * Most)> room_{};
};

// Takes over the descriptors that came with a message, which are the receiver's from
// recvmsg(2) on whether it wants them or not. Appends to `to`.
void take_passed_fds(msghdr& message, std::vector<UniqueFd>& to);

}  // namespace monodon

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

// Where no descriptors are expected, a peer can still send some. With recv(2) the
// kernel closes them, in the receiver, who may be the last one to have them: close(2)
// of a socket with SO_LINGER, of a file on FUSE or NFS, waits for as long as the sender
// likes. So they are refused (SO_PASSRIGHTS, Linux 6.16: the peer's send fails with
// EPERM), or, where the kernel is older, received and closed where it does not matter.

// From now on; a listening socket's holds for all who connect later. False: the kernel
// cannot do that.
bool refuse_passed_fds(int unix_socket) noexcept;

// Whether that holds, and held when the peer connected.
[[nodiscard]] bool refuses_passed_fds(int unix_socket) noexcept;

// On a connection where it does not hold, before the first byte is read: what is sent
// out of band (MSG_OOB) would be dropped with its descriptors, unseen.
void see_all_passed_fds(int unix_socket) noexcept;

// recv(2) on such a socket, without waiting and without EINTR. What came along goes to
// `strangers`, CLOEXEC, and is to be closed as the headers of Closer and
// close_elsewhere say. It wants 253 descriptors to be free: the kernel closes those
// that find no number.
ssize_t receive_guarded(int unix_socket, std::span<char> to,
                        std::vector<UniqueFd>& strangers);

// A socket of which nobody has another descriptor, about to be closed: from here on
// nothing comes any more. Whether something is there that was not read, with
// descriptors perhaps. For stream sockets.
[[nodiscard]] bool has_unread(int unix_socket) noexcept;

}  // namespace monodon

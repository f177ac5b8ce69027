// SPDX-License-Identifier: Apache-2.0
#include "base/passed_fds.h"

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

}  // namespace monodon

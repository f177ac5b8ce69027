// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <vector>

#include "base/unique_fd.h"

namespace monodon {

// Takes over the descriptors that came with a message (SCM_RIGHTS, unix(7)), which are
// the receiver's from recvmsg(2) on whether it wants them or not. Appends to `to`.
void take_received_fds(msghdr& message, std::vector<UniqueFd>& to);

}  // namespace monodon

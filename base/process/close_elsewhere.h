// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/unique_fd.h"

namespace monodon {

// Closes descriptors that a stranger sent, or that may have such in their queue, where
// it may take as long as it likes: close(2) of a socket with SO_LINGER waits for its
// peer, that of a file on FUSE or NFS for a server, and the last one who closes is who
// waits. Switching SO_LINGER off first would not do: the sender has the socket, too.
//
// A process is forked that has copies of them and nothing else; ours are closed while
// it still has its own, which end with it (and a process that ends does not linger).
// Master only, its thread.
//
// They stay open until carry_out_closing(), which is called once per turn of the loop:
// what watches one of them ends before. (While a copy is open, close(2) alone does not
// end a watch of epoll(7); so this waits, a moment, until the process has let go of all
// that it is not for.) When no process can be had then, it is tried again. What is left
// at the end of this process ends with it, without waiting.
void close_elsewhere(std::vector<UniqueFd> fds);
void carry_out_closing();

// For a listener whose owner ends: connections that nobody accepted may have such
// descriptors in their queues. A copy of it stays until this process ends, which does
// not linger, so that no close(2) before is the last one. Any process.
void keep_to_the_end(int fd) noexcept;

}  // namespace monodon

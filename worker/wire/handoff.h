// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::worker {

// A client connection on its way to another worker: descriptor and bytes already read,
// in one packet over the SOCK_SEQPACKET pair that all workers of a master share. The
// queue of that socket is where connections wait when no worker is idle.
struct Handoff {
  UniqueFd fd;
  std::uint16_t listener = 0;
  bool kept = false;   // has had a response already
  std::string client;  // that a PROXY header has named; "": nobody
  std::uint16_t client_port = 0;
  std::string input;  // at most kMostInput bytes
};

// More buffered input than this stays where it is.
inline constexpr std::size_t kMostInput = 32 * 1024;

// Never blocks. EAGAIN: the queue is full; ETOOMANYREFS: too many descriptors are in
// flight. The caller still owns its descriptor and closes it after success.
Outcome send_handoff(int socket, int fd, const Handoff& what);

// How many wait in the receiving end; more than there are if some of them have input.
std::size_t count_handoffs(int socket) noexcept;

// Never blocks. EAGAIN: another worker was faster. EPROTO, EBADMSG: not a handoff; what
// came with it is closed by a thread of its own (base/process/closer.h), since any
// worker can have sent it.
Result<Handoff> receive_handoff(int socket);

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::scoreboard {

// Shared memory as descriptors: memfds of a size that nobody can change any more
// (sealed SHRINK|GROW), so that no holder can make another one's read end in SIGBUS.
// Mode 0600. All zero at first. CLOEXEC.
//
// A mode keeps other users out, and nobody of the same user: who has a descriptor for
// reading can open the memfd anew through /proc. So its one writer maps it, and then
// seals it for itself; only then is it shown to anybody.

// `name` shows in /proc/PID/maps.
Result<UniqueFd> make_segment(const char* name, std::size_t size);

// The page of one worker with that many application threads. Made anew for each worker:
// the master hands the descriptor on and keeps read_only_copy().
Result<UniqueFd> make_page(std::size_t threads);

// The owner, once it has mapped what it writes: from now on no descriptor of this
// memfd, however it was come by, can be written through or mapped for writing, and no
// seal can be changed (F_SEAL_FUTURE_WRITE|F_SEAL_SEAL). The owner's mapping stays,
// also over a fork.
Outcome seal_for_owner(int fd);
[[nodiscard]] bool is_sealed_for_owner(int fd) noexcept;

// The same memory for readers: opened anew as O_RDONLY through /proc/self/fd, so that
// neither mmap nor mprotect can make it writable.
Result<UniqueFd> read_only_copy(int fd);

// ok() if `fd` is sealed against shrinking and at least `size` bytes long: whoever maps
// that much of it cannot be hit by SIGBUS. For descriptors that others have sent.
Outcome check_segment(int fd, std::size_t size);

}  // namespace monodon::scoreboard

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::scoreboard {

// Shared memory as descriptors: memfds of a size that nobody can change any more
// (sealed SHRINK|GROW|SEAL), so that no holder can make another one's read end in
// SIGBUS. All zero at first. CLOEXEC.

// `name` shows in /proc/PID/maps.
Result<UniqueFd> make_segment(const char* name, std::size_t size);

// The page of one worker with that many application threads. Made anew for each worker:
// the master hands the descriptor on and keeps read_only_copy().
Result<UniqueFd> make_page(std::size_t threads);

// The same memory for readers: opened anew as O_RDONLY through /proc/self/fd, so that
// neither mmap nor mprotect can make it writable.
Result<UniqueFd> read_only_copy(int fd);

// ok() if `fd` is sealed against shrinking and at least `size` bytes long: whoever maps
// that much of it cannot be hit by SIGBUS. For descriptors that others have sent.
Outcome check_segment(int fd, std::size_t size);

}  // namespace monodon::scoreboard

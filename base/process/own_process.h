// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace monodon {

// Whether this process is one of ours, or a child of it that code of somebody else's
// forked: a stranger, with a copy of all our memory. getpid(2) would tell as well, for
// a system call each time; a handler of pthread_atfork(3) does not see clone(2) and
// _Fork(3). The kernel wipes one page of ours in every child (MADV_WIPEONFORK,
// madvise(2)).

namespace detail {
extern const std::atomic<std::uint32_t>* own_mark;  // at 0 in a stranger
}

// Makes this process one of ours. Called anew after each fork of our own, before the
// code that asks.
void claim_process() noexcept;

// The child of a fork, where a handler runs: for kernels that wipe nothing.
// Async-signal-safe.
void disown_process() noexcept;

// Any thread; a load. False where nobody has claimed anything: tools, tests.
[[nodiscard]] inline bool is_stranger() noexcept {
  return detail::own_mark->load(std::memory_order_relaxed) == 0;
}

}  // namespace monodon

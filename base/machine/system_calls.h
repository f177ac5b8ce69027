// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace monodon {

// System calls that the oldest C library we run with (glibc 2.28) has no name for. What
// the oldest kernel (5.10) or a sandbox does not have is done in another way, unless it
// says otherwise.

// pidfd_open(2). Empty, with errno: there is no other way.
UniqueFd open_pidfd(pid_t pid) noexcept;
// pidfd_send_signal(2). False, with errno.
bool signal_by_pidfd(int pidfd, int signal) noexcept;
bool kill_by_pidfd(int pidfd) noexcept;
// Which of the calls that we cannot do without the kernel, an emulator or a sandbox
// refuses, with errno; nullptr if none. Needs a free descriptor.
const char* refused_call() noexcept;
// gettid(2).
pid_t thread_id() noexcept;

// Closes every descriptor from `first` on, but for those that are to be kept. In a
// child that goes on without exec: its parent's are closed nowhere else.
void close_all_but(int first, std::vector<int> kept) noexcept;
// Has exec close every descriptor from `first` on: those that this process was born
// with and knows nothing of, since our own are made so. Before posix_spawn(3): its
// addclosefrom is of glibc 2.34.
void close_on_exec_from(int first) noexcept;

// "SEGV" for SIGSEGV; empty where it has no name (sigabbrev_np(3) is of glibc 2.32).
std::string signal_abbreviation(int number);

}  // namespace monodon

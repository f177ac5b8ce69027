// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon {

// What becomes of a process of ours that the application forks: by os.fork(), by
// multiprocessing, in a library. The child has a copy of all that a zygote or worker
// has, and no business with any of it.
//
// Where the child is made with fork(3), handlers run in it: it closes our descriptors
// by itself (and never touches an epoll set, which it shares). With clone(2) or
// _Fork(3) none runs; what is left then is is_stranger() (base/process/own_process.h),
// asked wherever code of the application comes back to ours, and before anything is
// sent to a client. vfork(2) and posix_spawn(3) lead to an exec, which closes
// everything.

// Closes what `holder` must not leave to a child, in the child: async-signal-safe calls
// only, and other threads may have been in the midst of anything.
using LetGo = void (*)(void* holder) noexcept;

// Zygote or worker: claims this process, and has its children call `let_go` from now on
// in place of what was said before the last fork of our own.
void watch_forks(LetGo let_go, void* holder);

// Whether the application has forked in this process by fork(3), so that another
// process may hold a connection: one that was accepted at that very moment by another
// thread.
[[nodiscard]] bool has_forked() noexcept;

// While one lives, a fork is our own: the child is no stranger, and says what it is
// with watch_forks(). Zygote, whose one thread this is.
class OwnFork {
 public:
  OwnFork() noexcept;
  ~OwnFork();
  OwnFork(const OwnFork&) = delete;
  OwnFork& operator=(const OwnFork&) = delete;
};

}  // namespace monodon

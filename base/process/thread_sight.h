// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace monodon {

// What the kernel says of one thread of this process, or of a process whose /proc may
// be read (proc(5): the same user). Empty where it is gone or may not be read.
struct ThreadSight {
  char state = '?';          // R running or runnable, S, D (disk), T (stopped), Z
  std::uint64_t cpu_ns = 0;  // used up to now
  std::string waits_in;      // the kernel function it sleeps in (wchan); "" if unknown

  [[nodiscard]] bool runnable() const { return state == 'R'; }
};

// `task`: "self/task/TID" or "PID/task/TID". A few system calls; no memory of earlier
// looks.
[[nodiscard]] ThreadSight look_at_thread(const std::string& task);

// For people: "waits in percpu_rwsem_wait (state D)". Never empty.
[[nodiscard]] std::string describe(const ThreadSight& sight);

}  // namespace monodon

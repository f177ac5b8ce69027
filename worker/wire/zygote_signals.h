// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace monodon::wire {

// Has an interpreter of ours write the Python stacks of its threads (faulthandler): a
// worker to its keeper, a zygote that imports to its standard error. zygote.py has the
// number, too. Applications that use real-time signals begin at SIGRTMIN.
inline int stacks_signal() {
  return SIGRTMAX - 1;
}

// Ctrl-C is blocked when zygote.py begins, so that an interpreter that starts says nothing
// of it; zygote.py unblocks it.
inline constexpr int kHeldUntilZygote = SIGINT;

}  // namespace monodon::wire

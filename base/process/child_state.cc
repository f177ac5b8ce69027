// SPDX-License-Identifier: Apache-2.0
// Asks the kernel about a child without reaping it.
#include "base/process/child_state.h"

#include <sys/wait.h>

namespace monodon {

bool is_stopped(int pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOHANG | WNOWAIT) ==
             0 &&
         info.si_pid == pid;
}

}  // namespace monodon

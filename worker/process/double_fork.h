// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace monodon::worker {

// For Application::fork: makes a process that is not our child but that of the next
// subreaper above (prctl(2), PR_SET_CHILD_SUBREAPER), by forking twice. Returns 0 in
// the new process, and its pid here, when it has its new parent already; or -1 and
// errno of the fork that failed. The process between the two runs nothing.
pid_t double_fork();

}  // namespace monodon::worker

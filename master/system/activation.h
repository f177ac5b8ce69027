// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace monodon::master {

// A descriptor with the name that it has for systemd (LISTEN_FDNAMES), or, when it is
// one of ours, for the file descriptor store (master/handover/fd_store.h).
struct Passed {
  int fd = -1;
  std::string name;
};

// What systemd passed to this very process (sd_listen_fds(3)), close-on-exec from now
// on; "unknown" where it gave no names. Removes LISTEN_* from the environment, so that
// no program that we start takes them for its own.
Result<std::vector<Passed>> take_activation();

// How often systemd wants to hear of this process (sd_watchdog_enabled(3)); zero:
// never.
Clock::duration watchdog_period();

}  // namespace monodon::master

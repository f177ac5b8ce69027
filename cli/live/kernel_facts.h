// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/live/server_status.h"

namespace monodon::cli {

// Adds what the scoreboard does not say and the kernel knows: processor time of the
// workers, connections that wait at the listeners. Waits for no other process. What
// cannot be seen (a sandbox without netlink) is left out.
void add_kernel_facts(ServerStatus& status);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "master/config/load.h"

namespace monodon::master {

// The whole life of a master, from listeners to the last worker gone. Returns the exit
// status of `monodon serve`: 0 after a stop, 1 when it cannot start (reason logged),
// 3 and 4 when the application cannot be imported (wire::LoadFailure). Called once,
// with one thread, before any other descriptor than the inherited ones is open.
int serve(const LoadedConfig& config);

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/application.h"
#include "worker/wire/heritage.h"

namespace monodon::worker {

// The life of a worker, from the first moment after fork: says `ready` (or
// `boot_failed`), serves until it is told to drain or its master is gone, and returns
// the exit status. Main thread. `app` is loaded already when settings.preload is set.
int run(Heritage heritage, Application& app);

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.h"

namespace monodon::metrics {

// The process that people and Prometheus ask: /metrics, /-/healthy, /-/ready and the
// dashboard. It was started by the master, reads board and pages through read-only
// descriptors, and never touches a worker. Ends when the channel does. Returns the exit
// status; what stops it is logged.
int run_exporter(UniqueFd channel);

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/machine/control_groups.h"

namespace monodon {

// Cores that this process may use, at least 1: those of its affinity, and no more than
// the quota of its control group, or of one above it, rounded up (cpu.max of version 2,
// cpu.cfs_quota_us of version 1).
[[nodiscard]] unsigned usable_cores(const ControlGroups& groups = {});

}  // namespace monodon

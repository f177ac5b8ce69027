// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace monodon {

// Cores that this process may use, at least 1: those of its affinity, and no more than
// the quota of its control group, or of one above it, rounded up (cpu.max, cgroups(7),
// version 2). The paths are for tests.
[[nodiscard]] unsigned usable_cores(const std::string& own_groups = "/proc/self/cgroup",
                                    const std::string& tree = "/sys/fs/cgroup");

}  // namespace monodon

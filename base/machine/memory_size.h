// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/machine/control_groups.h"

namespace monodon {

// Bytes of memory that this process may use at most: those of the machine, and no more
// than the limit of its control group or of one above it (memory.max of version 2,
// memory.limit_in_bytes of version 1). 0: nobody says.
[[nodiscard]] std::uint64_t usable_memory(const ControlGroups& groups = {},
                                          const std::string& meminfo = "/proc/meminfo");

}  // namespace monodon

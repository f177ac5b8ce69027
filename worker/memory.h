// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace monodon::worker {

// Proportional set size of this process in bytes, from /proc/self/smaps_rollup
// (proc(5)): pages shared with the zygote count in part, so that recycling by memory
// judges what this worker added. RSS where smaps_rollup cannot be read; 0 if neither.
std::uint64_t own_pss_bytes();

}  // namespace monodon::worker

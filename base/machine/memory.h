// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace monodon {

// Proportional set size of a process in bytes, from /proc/PID/smaps_rollup (proc(5)):
// pages that processes share count in part, so that recycling by memory judges what a
// worker added to its zygote, and a sum over workers is what they really take. RSS
// where smaps_rollup cannot be read; 0 if neither can. Some milliseconds for a large
// process.
std::uint64_t pss_bytes(std::string_view pid = "self");

}  // namespace monodon

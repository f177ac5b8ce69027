// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon::worker {

// Sets what ps(1) shows as the command line of this process.
//
// The text replaces the arguments where the kernel put them (proc(5), fields arg_start
// and arg_end of /proc/PID/stat), so it is cut at the length the command line had;
// whoever starts a process that wants long titles gives it a last argument of blanks.
// The environment, which follows in memory, is left alone. Control bytes become "?",
// since a title may hold what a client sent.
//
// Main thread; safe after fork. Nothing happens when the place is not known.
void set_title(std::string_view title) noexcept;

}  // namespace monodon::worker

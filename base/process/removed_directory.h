// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace monodon {

// The directory that a process works in, if somebody has removed it; else, and where it
// cannot be asked, "". proc(5).
std::string removed_directory_of(int pid);

}  // namespace monodon

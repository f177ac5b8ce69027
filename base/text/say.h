// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>

namespace monodon {

// A line for the person at the terminal, on stderr: stdout has what was asked for.
inline void say(const std::string& text) {
  std::fputs((text + "\n").c_str(), stderr);
}

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"

namespace monodon {

// "400 ms", "1.2 s", "12 s", "3 min", "2 h": for people, rounded.
[[nodiscard]] std::string spell(Clock::duration duration);

}  // namespace monodon

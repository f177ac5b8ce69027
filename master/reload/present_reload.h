// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "master/fleet/fleet.h"

namespace monodon::master {

// The reload under way, for whoever has to wait for it: "generation 3, begun 12 s ago,
// is being imported; boot_timeout ends that in 48 s at the latest". Pure.
[[nodiscard]] std::string describe_reload(const Fleet& fleet, Clock::time_point began,
                                          Clock::time_point now);

}  // namespace monodon::master

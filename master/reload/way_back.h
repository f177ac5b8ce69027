// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "master/fleet/fleet.h"

namespace monodon::master {

// What going back to a generation cannot do, in brackets after a space: its release has
// been removed, or its workers import from the disk. "": nothing. Master.
std::string warning_of_disk(const Fleet& fleet, std::uint32_t generation);

}  // namespace monodon::master

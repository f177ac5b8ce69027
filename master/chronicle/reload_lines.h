// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "master/fleet/fleet.h"

namespace monodon::master {

// Lines of the error log about a reload, for Chronicle. Master only.

// What came of a rehearsal.
void write_rehearsal(const FleetNews& news);
// `reason`: with its traceback.
void write_refusal(const FleetNews& news, std::string_view reason);
// Why the code before is given up.
[[nodiscard]] std::string farewell(const FleetNews& news);

}  // namespace monodon::master

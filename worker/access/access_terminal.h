// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "worker/access/access_log.h"

namespace monodon::worker::access {

// A line for somebody who sits at a terminal and reads along: time, status, how long it
// took, what was asked for, and how much was sent. Pure but for the time zone.
void append_terminal_line(std::string& to, const AccessRecord& record, bool coloured);

}  // namespace monodon::worker::access

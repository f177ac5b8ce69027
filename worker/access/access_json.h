// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "worker/access/access_log.h"

namespace monodon::worker::access {

// One JSON object with its newline. The keys are always the same ones; those without a
// value are null.
void append_json_line(std::string& to, const AccessRecord& record);

}  // namespace monodon::worker::access

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// Sets environment and working directory as the settings say. Zygote or check, before
// anything of the application runs.
Outcome apply_surroundings(const Settings& settings);

}  // namespace monodon::worker

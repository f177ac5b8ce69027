// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// Sets environment and working directory as the settings say. Zygote or check, before
// anything of the application runs.
Outcome apply_surroundings(const Settings& settings);

// A release by symbolic link: workers that import by themselves do so for as long as
// their generation lives, wherever the link points by then.
void resolve_links(Settings& settings);

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "master/config/load.h"
#include "worker/wire/boot.h"

namespace monodon::master {

// Puts into the boot message what an application expects that was served by Gunicorn:
// sys.argv, and its gunicorn.conf.py with the settings that the hooks there see.
void boot_like_gunicorn(const LoadedConfig& config, worker::Boot& boot);

// Gunicorn's names of the settings that are ours as well, with our values in its forms
// and units, as JSON, and what flags of the line say about logging. Pure.
[[nodiscard]] std::string as_gunicorn_settings(const Settings& settings,
                                               const CommandLine& line = {});

}  // namespace monodon::master

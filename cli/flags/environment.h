// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "master/config/load.h"

namespace monodon::cli {

using Variables = std::map<std::string, std::string>;

// Of this process.
[[nodiscard]] Variables environment_variables();

// What the environment asks for: WEB_CONCURRENCY, PORT, FORWARDED_ALLOW_IPS and
// SENDFILE, which others set too; then MONODON_KEY of each setting; then the flags in
// GUNICORN_CMD_ARGS. Later ones win. Goes into line.environment, line.notes and
// line.warnings (a MONODON_ variable that is no setting), and into line.config_file
// where that is empty. Returns what was wrong with the use of
// flags, a sentence each.
std::vector<std::string> apply_environment(const Variables& variables,
                                           master::CommandLine& line);

}  // namespace monodon::cli

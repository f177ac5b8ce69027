// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags/environment.h"
#include "cli/flags/flags.h"
#include "master/config/load.h"

namespace monodon::cli {

// Puts what the flags of `serve` and the environment ask for into `line`, flags first.
// Returns what was wrong with their use, a sentence each.
std::vector<std::string> complete_line(Flags flags, const Variables& variables,
                                       master::CommandLine& line);

// A line that starts a server elsewhere, in a unit: `words` as a shell would split
// them, after "serve", and the variables that it is started with. Its directory is not
// set.
[[nodiscard]] Result<master::CommandLine> parse_serve_line(
    std::vector<std::string> words, const Variables& variables);

}  // namespace monodon::cli

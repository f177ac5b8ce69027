// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "master/config/load.h"

namespace monodon::cli {

// What flags of `monodon serve` ask for.
struct Flags {
  // What was wrong with their use, a sentence each; then nothing else counts.
  std::vector<std::string> complaints;
  std::vector<master::Override> overrides;
  std::vector<std::string> notes;     // of flags that do nothing
  std::vector<std::string> warnings;  // of values that are taken for others
  std::string config_file;            // empty: not named
};

// Of flags that are written elsewhere than on our own command line: in
// GUNICORN_CMD_ARGS, or in a unit that starts Gunicorn. `words` as a shell would split
// them, without the program. An error where they cannot be taken apart at all.
[[nodiscard]] Result<Flags> parse_flags(std::vector<std::string> words);

}  // namespace monodon::cli

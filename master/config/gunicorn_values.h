// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "master/config/table.h"

namespace monodon::master {

// A text of Gunicorn's for a setting, in our words.
struct TakenValue {
  std::string_view key;  // of our setting, which is another one for umask
  std::string text;
  std::string warning;  // where it is not what was written; "": it is
};

// What Gunicorn's flags, variables and files say is read as Gunicorn reads it: numbers
// as Python's int() has them (" 2 ", "1_000", "0x10"), a level of the log that is none
// as info, an umask as the mode of the Unix socket and of nothing else, and a value
// beyond a limit that Gunicorn does not have as that limit. What is neither Gunicorn's
// nor ours stays as it is, for the check that follows. Pure.
[[nodiscard]] TakenValue take_gunicorn_value(const Setting& setting,
                                             std::string_view text);

}  // namespace monodon::master

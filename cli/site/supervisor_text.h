// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/flags/environment.h"

namespace monodon::cli {

// A value with its %(...)s filled in, in Python's format ("%(process_num)02d"): "%%",
// what `known` has, and ${X} for %(ENV_X)s where no file says what X is. Pure.
// https://supervisord.org/configuration.html
[[nodiscard]] std::string supervisor_text(const std::string& value,
                                          const Variables& known);

}  // namespace monodon::cli

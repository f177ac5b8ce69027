// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monodon::cli {

// The words of a command line as a POSIX shell splits them: blanks, '...', "..." (with
// \" and \\ inside) and \x. Nothing is expanded. For GUNICORN_CMD_ARGS. An open quote
// is an Error. Pure.
[[nodiscard]] Result<std::vector<std::string>> shell_words(std::string_view text);

// "A=b", "A=".
[[nodiscard]] bool is_assignment(std::string_view word);

}  // namespace monodon::cli

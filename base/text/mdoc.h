// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon {

// Text for a manual page, mdoc(7): a new line for each sentence and before column 79,
// none of which begins with what would make it a request. What is between blanks stays
// in one piece. Pure.
[[nodiscard]] std::string mdoc_lines(std::string_view text);

}  // namespace monodon

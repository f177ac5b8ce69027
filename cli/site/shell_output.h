// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace monodon::cli {

// What "$(...)" comes to where that can be known without running it: paths beside the
// script, as in $(cd "$(dirname "$0")" && pwd). Nothing where it cannot. Pure.
[[nodiscard]] std::optional<std::string> shell_output(
    const std::vector<std::vector<std::string>>& commands);

// "/srv/site" of "/srv/site/start.sh", "." of "start.sh". Pure.
[[nodiscard]] std::string parent_of_path(const std::string& path);

// Behind the bracket that closes the one at `open`; the end where none does. Pure.
[[nodiscard]] std::size_t behind_bracket(std::string_view text, std::size_t open,
                                         char one, char other);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace monodon {

// How many characters have to be put in, taken out, changed or swapped with their
// neighbour to make one word of the other (Damerau-Levenshtein, restricted). Pure.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that somebody who mistyped `word` probably meant; "" if none is near.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace monodon

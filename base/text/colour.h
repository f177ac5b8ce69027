// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon {

// Whether what is written to `fd` may be coloured: a terminal that can, and NO_COLOR
// (no-color.org) is not set to anything.
[[nodiscard]] bool wants_colour(int fd);

namespace colour {
inline constexpr std::string_view kDim = "\x1b[2m";
inline constexpr std::string_view kBold = "\x1b[1m";
inline constexpr std::string_view kRed = "\x1b[31m";
inline constexpr std::string_view kGreen = "\x1b[32m";
inline constexpr std::string_view kYellow = "\x1b[33m";
inline constexpr std::string_view kCyan = "\x1b[36m";
inline constexpr std::string_view kPlain = "\x1b[0m";
}  // namespace colour

}  // namespace monodon

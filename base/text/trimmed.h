// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon {

// Without the blanks, tabs and carriage returns around it. Pure.
[[nodiscard]] inline std::string_view trimmed_view(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// The same, for a text that goes.
[[nodiscard]] inline std::string trimmed(std::string_view text) {
  return std::string{trimmed_view(text)};
}

}  // namespace monodon

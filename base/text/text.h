// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon {

// Lines of a text that may end with newlines, without them. Pure.

[[nodiscard]] constexpr std::string_view without_final_newlines(
    std::string_view text) noexcept {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

[[nodiscard]] constexpr std::string_view first_line(std::string_view text) noexcept {
  return text.substr(0, text.find('\n'));
}

[[nodiscard]] constexpr std::string_view last_line(std::string_view text) noexcept {
  text = without_final_newlines(text);
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

// What a Python traceback says at its end: the exception, with all its lines. A text
// that is none is returned as it is.
[[nodiscard]] std::string_view exception_of(std::string_view text) noexcept;

// Appends the lines of `text`, each as append_printable() of base/text/escape.h would,
// and without newlines at the end. From the second on each is indented by `indent`:
// nothing that is quoted can look like a line of ours.
void append_printable_lines(std::string& to, std::string_view text,
                            std::string_view indent);

}  // namespace monodon

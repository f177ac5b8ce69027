// SPDX-License-Identifier: Apache-2.0
// Lines of text that may come from anybody, for terminals and messages.
#include "base/text/text.h"

#include "base/text/escape.h"

namespace monodon {

std::string_view exception_of(std::string_view text) noexcept {
  constexpr std::string_view kHead = "Traceback (most recent call last):\n";
  const std::size_t begin = text.rfind(kHead);
  if (begin == std::string_view::npos) return without_final_newlines(text);
  text = without_final_newlines(text.substr(begin + kHead.size()));
  // The frames are indented, and so is the source below them.
  while (text.starts_with(' ') && text.find('\n') != std::string_view::npos)
    text.remove_prefix(text.find('\n') + 1);
  return text;
}

void append_printable_lines(std::string& to, std::string_view text,
                            std::string_view indent) {
  text = without_final_newlines(text);
  for (std::size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n')) {
    append_printable(to, text.substr(0, end));
    to += '\n';
    to += indent;
    text.remove_prefix(end + 1);
  }
  append_printable(to, text);
}

}  // namespace monodon

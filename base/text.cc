// SPDX-License-Identifier: Apache-2.0
// Lines of text that may come from anybody, for terminals and messages.
#include "base/text.h"

#include "base/escape.h"

namespace monodon {

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

// SPDX-License-Identifier: Apache-2.0
// Sentences laid out for mdoc(7).
#include "base/text/mdoc.h"

#include <algorithm>

namespace monodon {
namespace {

constexpr std::size_t kColumns = 78;

std::string escaped(std::string_view word) {
  std::string text;
  for (const char c : word) {
    if (c == '\\') {
      text += "\\e";
    } else if (c == '-') {
      text += "\\-";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string mdoc_lines(std::string_view text) {
  std::string result;
  std::string line;
  const auto end_line = [&] {
    if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
    result += line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string word = escaped(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.size() + 1 + word.size() > kColumns) end_line();
    line += (line.empty() ? "" : " ") + word;
    if (word.ends_with('.')) end_line();
  }
  if (!line.empty()) end_line();
  return result;
}

}  // namespace monodon

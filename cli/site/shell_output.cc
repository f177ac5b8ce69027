// SPDX-License-Identifier: Apache-2.0
// Command substitutions that name a path.
#include "cli/site/shell_output.h"

#include "cli/site/gunicorn_line.h"

namespace monodon::cli {

std::size_t behind_bracket(std::string_view text, std::size_t open, char one,
                           char other) {
  std::size_t depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == one) ++depth;
    if (text[i] == other && --depth == 0) return i + 1;
  }
  return text.size();
}

std::string parent_of_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string> shell_output(
    const std::vector<std::vector<std::string>>& commands) {
  std::string directory = ".";
  std::optional<std::string> said;
  for (const std::vector<std::string>& command : commands) {
    std::vector<std::string> words;
    for (const std::string& word : command) {
      if (word.find_first_of("$`") != std::string::npos) return std::nullopt;
      if (word.empty() || word[0] != '-') words.push_back(word);  // "-P", "-f", "--"
    }
    const bool one = words.size() == 2;
    if (words[0] == "cd" && one) {
      directory = path_below(directory, words[1]);
    } else if (words[0] == "pwd") {
      said = directory;
    } else if (words[0] == "dirname" && one) {
      said = parent_of_path(words[1]);
    } else if (words[0] == "basename" && one) {
      said = words[1].substr(words[1].rfind('/') + 1);
    } else if ((words[0] == "readlink" || words[0] == "realpath") && one) {
      said = path_below(directory, words[1]);
    } else {
      return std::nullopt;
    }
  }
  return said;
}

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace monodon::cli {

// Where in "if", "case", loops and functions a text for a shell stands. Words are told
// in order; one that begins a command is a keyword or not. One thread.
class ShellBranches {
 public:
  // Which constructs are open, and in which of its arms each of them is.
  using Path = std::vector<std::pair<int, int>>;

  // Whether the word is the shell's own, and part of no command.
  bool opens_or_closes(const std::string& word);
  // A word behind "case", "for" or "function", and of a pattern ("start|web)"): true
  // where it is one, and part of no command either.
  bool is_of_header(const std::string& word);
  void line_ends() { in_header_ = in_header_ && in_case_; }
  void arm_ends();  // ";;"

  [[nodiscard]] bool inside() const { return !path_.empty(); }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  enum class Of : unsigned char { condition, choice, function };
  void open(Of kind);
  void close();

  Path path_;
  std::vector<Of> kinds_;
  int seen_ = 0;
  bool in_header_ = false;    // "for x in a b", "case $1 in"
  bool in_case_ = false;      // ... of a case
  bool in_pattern_ = false;   // "start|web)"
  bool is_function_ = false;  // "name()" was there
};

// Two arms of one "if" or "case": only one of them is run.
[[nodiscard]] bool exclude_each_other(const ShellBranches::Path& a,
                                      const ShellBranches::Path& b);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
// Conditions, loops and functions in a text for a shell.
#include "cli/site/shell_branches.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace monodon::cli {
namespace {

bool is_among(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool ShellBranches::opens_or_closes(const std::string& word) {
  if (is_among(word, {"if", "while", "until"})) {
    open(Of::condition);
  } else if (is_among(word, {"for", "select", "case"})) {
    in_header_ = true;
    in_case_ = word == "case";
    open(in_case_ ? Of::choice : Of::condition);
  } else if (word.ends_with("()") || word == "function") {
    in_header_ = word == "function";  // its name follows
    in_case_ = false;
    is_function_ = true;
  } else if (word == "{" && std::exchange(is_function_, false)) {
    open(Of::function);
  } else if (is_among(word, {"fi", "done", "esac"}) ||
             (word == "}" && !kinds_.empty() && kinds_.back() == Of::function)) {
    close();
  } else if (is_among(word, {"else", "elif"})) {
    if (!path_.empty()) ++path_.back().second;
  } else {
    return is_among(word, {"then", "do", "{", "(", "!", "command"});
  }
  return true;
}

bool ShellBranches::is_of_header(const std::string& word) {
  if (in_pattern_ && word != "esac") {
    in_pattern_ = !word.ends_with(')');
    return true;
  }
  if (!in_header_) return false;
  in_header_ = !is_function_ && !(in_case_ && word == "in");
  in_pattern_ = in_case_ && !in_header_;
  return true;
}

void ShellBranches::arm_ends() {
  const bool chooses =
      std::find(kinds_.begin(), kinds_.end(), Of::choice) != kinds_.end();
  in_pattern_ |= chooses;
  if (chooses) ++path_.back().second;
}

void ShellBranches::open(Of kind) {
  path_.emplace_back(++seen_, 0);
  kinds_.push_back(kind);
}

void ShellBranches::close() {
  in_pattern_ = false;
  if (path_.empty()) return;
  path_.pop_back();
  kinds_.pop_back();
}

bool exclude_each_other(const ShellBranches::Path& a, const ShellBranches::Path& b) {
  const std::size_t both = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < both; ++i)
    if (a[i] != b[i]) return a[i].first == b[i].first;
  return false;
}

}  // namespace monodon::cli

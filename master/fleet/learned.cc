// SPDX-License-Identifier: Apache-2.0
// The modules that workers imported late, for the zygotes to come.
#include "master/fleet/learned.h"

#include <algorithm>

namespace monodon::master {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

template <typename Use>
void for_each_line(std::string_view lines, Use use) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    use(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

}  // namespace

bool is_import_line(std::string_view line) {
  if (line.starts_with('!')) line.remove_prefix(1);
  if (line.empty() || line.size() > LearnedImports::kLongest) return false;
  bool begins = true;  // a part of a dotted name
  for (const char c : line) {
    if (c == '.' ? begins : !is_letter(c) && (begins || c < '0' || c > '9'))
      return false;
    begins = c == '.';
  }
  return !begins;
}

bool LearnedImports::add(std::string_view lines) {
  bool news = false;
  for_each_line(lines, [&](std::string_view line) {
    if (imports_.size() >= kMost || bytes_ + line.size() + 1 > kMostBytes) return;
    if (!is_import_line(line)) return;
    const auto known = [&](const Import& import) { return import.line == line; };
    if (std::any_of(imports_.begin(), imports_.end(), known)) return;
    imports_.push_back({std::string{line}});
    bytes_ += line.size() + 1;
    news = true;
  });
  return news;
}

std::string LearnedImports::to_judge() const {
  std::string lines;
  for (const Import& import : imports_) lines += import.line + "\n";
  return lines;
}

void LearnedImports::judge_anew() {
  for (Import& import : imports_) import.good = false;
}

void LearnedImports::judged(std::string_view good) {
  for_each_line(good, [&](std::string_view line) {
    for (Import& import : imports_)
      if (import.line == line) import.good = true;
  });
}

std::vector<std::string> LearnedImports::importable() const {
  std::vector<std::string> lines;
  for (const Import& import : imports_)
    if (import.good) lines.push_back(import.line);
  return lines;
}

std::vector<std::string> LearnedImports::for_next_zygote() const {
  std::vector<std::string> lines = importable();
  for (const Import& import : imports_)
    if (!import.good && import.line.starts_with('!'))
      lines.push_back("?" + import.line);
  return lines;
}

}  // namespace monodon::master

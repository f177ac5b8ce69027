// SPDX-License-Identifier: Apache-2.0
// A unit file that can be read, changed and written again.
#include "cli/site/unit_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text/trimmed.h"

namespace monodon::cli {
namespace {

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool is_comment(std::string_view line) {
  return line.starts_with('#') || line.starts_with(';');
}

}  // namespace

UnitFile::UnitFile(std::string_view text) {
  std::string section;
  while (!text.empty()) {
    std::string written{take_line(text)};
    std::string_view line = trimmed_view(written);
    Line parsed{section, "", "", written + "\n"};
    if (line.starts_with('[') && line.ends_with(']')) {
      section = line.substr(1, line.size() - 2);
      parsed.section = section;
    } else if (!line.empty() && !is_comment(line)) {
      std::string joined{line};
      while (joined.ends_with('\\') && !text.empty()) {
        joined.back() = ' ';
        const std::string_view next = take_line(text);
        parsed.text += std::string{next} + "\n";
        if (is_comment(trimmed_view(next))) {
          joined += '\\';  // a comment between continued lines ends nothing
        } else {
          joined += trimmed_view(next);
        }
      }
      const std::size_t equals = joined.find('=');
      if (equals != std::string::npos) {
        parsed.key = trimmed_view(std::string_view{joined}.substr(0, equals));
        parsed.value = trimmed_view(std::string_view{joined}.substr(equals + 1));
      }
    }
    lines_.push_back(std::move(parsed));
  }
}

std::vector<std::string> UnitFile::values(std::string_view section,
                                          std::string_view key) const {
  std::vector<std::string> found;
  for (const Line& line : lines_) {
    if (line.section != section || line.key != key) continue;
    if (line.value.empty()) {
      found.clear();
    } else {
      found.push_back(line.value);
    }
  }
  return found;
}

std::string UnitFile::value(std::string_view section, std::string_view key) const {
  const std::vector<std::string> all = values(section, key);
  return all.empty() ? "" : all.back();
}

std::vector<std::string> UnitFile::words(std::string_view section,
                                         std::string_view key) const {
  std::vector<std::string> found;
  for (const std::string& value : values(section, key)) {
    std::string_view rest = value;
    while (!(rest = trimmed_view(rest)).empty()) {
      const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
      found.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
  }
  return found;
}

bool UnitFile::set(std::string_view section, std::string_view key,
                   std::string_view value) {
  const std::vector<std::string> before = values(section, key);
  if (before == std::vector<std::string>{std::string{value}}) return false;
  Line made{std::string{section}, std::string{key}, std::string{value},
            fmt::format("{}={}\n", key, value)};
  auto place = std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) {
    return line.section == section && line.key == key;
  });
  if (place != lines_.end()) {
    *place = made;
    lines_.erase(std::remove_if(place + 1, lines_.end(),
                                [&](const Line& line) {
                                  return line.section == section && line.key == key;
                                }),
                 lines_.end());
    return true;
  }
  // After the last assignment of the section: blank lines stay before the next one.
  auto end = lines_.end();
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    const bool header = line->text.starts_with('[');
    if (line->section == section && (header || !line->key.empty())) end = line + 1;
  }
  if (end == lines_.end() && (lines_.empty() || lines_.back().section != section)) {
    lines_.push_back({std::string{section}, "", "", fmt::format("\n[{}]\n", section)});
    end = lines_.end();
  }
  lines_.insert(end, std::move(made));
  return true;
}

bool UnitFile::remove(std::string_view section, std::string_view key) {
  return std::erase_if(lines_, [&](const Line& line) {
           return line.section == section && line.key == key;
         }) != 0;
}

void UnitFile::append(const UnitFile& drop_in) {
  lines_.insert(lines_.end(), drop_in.lines_.begin(), drop_in.lines_.end());
}

std::string UnitFile::text() const {
  std::string text;
  for (const Line& line : lines_) text += line.text;
  return text;
}

}  // namespace monodon::cli

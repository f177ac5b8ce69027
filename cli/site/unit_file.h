// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace monodon::cli {

// A unit file of systemd (systemd.syntax(7)), line by line, so that it can be changed
// and written again with its comments. Pure.
class UnitFile {
 public:
  explicit UnitFile(std::string_view text);

  // Every value of `key` in order, without those that an empty assignment took back.
  [[nodiscard]] std::vector<std::string> values(std::string_view section,
                                                std::string_view key) const;
  // The last of them; "" for none.
  [[nodiscard]] std::string value(std::string_view section, std::string_view key) const;
  // All values, split at blanks: of Requires=, After=, RuntimeDirectory=.
  [[nodiscard]] std::vector<std::string> words(std::string_view section,
                                               std::string_view key) const;

  // Writes `key=value` where the key was first, or at the end of the section, and takes
  // every other assignment of it away. Without a value, all of them. No value that is
  // there already is no change and false.
  bool set(std::string_view section, std::string_view key, std::string_view value);
  bool remove(std::string_view section, std::string_view key);

  // Adds the assignments of a drop-in.
  void append(const UnitFile& drop_in);

  [[nodiscard]] std::string text() const;

 private:
  struct Line {
    std::string section;
    std::string key;    // "" of comments, blank lines and section headers
    std::string value;  // continuation lines joined
    std::string text;   // as it was written, newlines included
  };
  std::vector<Line> lines_;
};

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace monodon::cli {

// Which files make a reload when they change. Pure. All paths are absolute.
//
// Below the roots: Python, extension modules, templates, compiled translations and
// .env; not what is hidden, generated or installed, nor a database or a log, which
// change by themselves. Anywhere: what was named by a pattern, and files of modules.
class Interest {
 public:
  // A pattern is a file, a directory (all below it), or has * ? [ ] in it, where **
  // also stands for several directories.
  Interest(std::vector<std::string> roots, const std::vector<std::string>& patterns);

  // The file of a loaded module. False: it was of interest before.
  bool add_file(const std::string& path);

  [[nodiscard]] bool wants_file(const std::string& path) const;
  // Whether anything below this directory may be of interest.
  [[nodiscard]] bool enters(const std::string& directory) const;
  // The directories to begin with.
  [[nodiscard]] const std::vector<std::string>& starts() const { return starts_; }

 private:
  struct Pattern {
    std::string base;  // the directory before the first wildcard
    std::string glob;  // "": everything below base, or base itself
    bool deep = false;
  };
  static Pattern pattern_of(const std::string& text);
  void begin_at(const std::string& directory);

  std::vector<std::string> roots_;
  std::vector<Pattern> patterns_;
  std::set<std::string, std::less<>> files_;
  std::vector<std::string> starts_;
};

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace monodon::master {

// The modules that workers had to import after the fork, in their order, and which of
// them can be imported before it: for the zygote of the next generation. Kept for the
// life of the service. Workers tell them, so they are rumours: what is no name of a
// module is dropped, and there is an end to how many are kept. Pure.
//
// A line is the name of a module, after a "!" if it is one of the application's own.
class LearnedImports {
 public:
  static constexpr std::size_t kMost = 2000;
  static constexpr std::size_t kMostBytes =
      32 * 1024;  // the boot message has twice that
  static constexpr std::size_t kLongest = 200;

  // Lines from a worker. True: some were not known, and should be judged.
  bool add(std::string_view lines);
  // All of them, a line each: who judges imports them in this order.
  [[nodiscard]] std::string to_judge() const;
  // A trial begins: what was good is no longer known to be.
  void judge_anew();
  // Lines that turned out to be good.
  void judged(std::string_view good);
  // What was found good.
  [[nodiscard]] std::vector<std::string> importable() const;
  // What the next zygote shall import, and after it, with a "?" before each, what it shall
  // only compile: modules of the application's own that were not tried yet, or cannot be
  // imported in advance. Workers have them, so text that is no Python is broken code.
  [[nodiscard]] std::vector<std::string> for_next_zygote() const;

 private:
  struct Import {
    std::string line;
    bool good = false;
  };
  std::vector<Import> imports_;
  std::size_t bytes_ = 0;
};

// Whether `line` is one. Pure.
bool is_import_line(std::string_view line);

}  // namespace monodon::master

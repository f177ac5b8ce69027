// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/live/top_trend.h"

namespace monodon::cli {

enum class SortBy : std::uint8_t { slot, requests, p99, errors, cpu, memory, running };

// What the user chose, and what is to be said beside the server's own data.
struct TopChoice {
  SortBy sort = SortBy::slot;
  bool reverse = false;
  bool paused = false;
  bool help = false;
  std::size_t first = 0;  // of the rows, where the screen has no room for all
  double delay = 1;       // seconds between two looks
  std::string note;       // why this may be old: the master is silent, or gone
};

// The row of a key that sorts, for the keyboard, the help and the command line.
struct SortKey {
  char key;
  SortBy by;
  std::string_view name;
};
inline constexpr std::array<SortKey, 7> kSortKeys{{{'n', SortBy::slot, "slot"},
                                                   {'r', SortBy::requests, "requests"},
                                                   {'l', SortBy::p99, "p99"},
                                                   {'e', SortBy::errors, "errors"},
                                                   {'c', SortBy::cpu, "cpu"},
                                                   {'m', SortBy::memory, "memory"},
                                                   {'t', SortBy::running, "running"}}};

// What a line should look like, where there are colours.
enum class Tint : std::uint8_t { plain, heading, good, slow, bad, dim };

struct TopLine {
  std::string text;  // one column a byte: printable ASCII
  Tint tint = Tint::plain;
};

// Cuts at `width`; where there is room down to `height`, goes on in the next line
// instead, indented. 0: no limit.
void add_wrapped(std::vector<TopLine>& lines, const TopLine& line, std::size_t width,
                 std::size_t height);

// Rows that fit between the heading and the events, and where the first one of them is
// when the user wants `first`: the last page is a full one. Pure.
struct Window {
  std::size_t first = 0;
  std::size_t count = 0;
};
[[nodiscard]] Window window_of(std::size_t rows, std::size_t room, std::size_t first);

// The screen: summary, a row for each slot from choice.first on, the last events, which
// go on in the next line. No line is wider than `width`, and there are no more than
// `height`; columns leave a narrow terminal one by one, the request last. 0: no limit.
// Pure.
[[nodiscard]] std::vector<TopLine> top_screen(const ServerStatus& status,
                                              const Trend& trend,
                                              const TopChoice& choice,
                                              std::size_t width, std::size_t height);

}  // namespace monodon::cli

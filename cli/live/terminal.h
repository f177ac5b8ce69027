// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <termios.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::cli {

// The terminal of a program that fills its screen: other screen, no echo, no cursor.
// All is as before when the object is gone, and while the program is suspended. Only
// what ECMA-48 has and every terminal since obeys; no terminal database.
//
// Signals are blocked from open() to the end, and arrive with the keys. One thread.
class Terminal {
 public:
  struct Size {
    std::size_t columns = 80;
    std::size_t rows = 24;
  };
  // Keys that are more than one byte, as one that no other key sends.
  enum Key : char {
    kUp = '\x10',
    kDown = '\x0e',
    kPageUp = '\x02',
    kPageDown = '\x06',
    kHome = '\x01',
    kEnd = '\x05'
  };
  // What happened.
  struct Happened {
    std::string keys;  // other keys of more than one byte are left out
    bool resized = false;
    bool over = false;  // a signal to end, or the terminal is gone
  };

  // An Error: standard input and output are not one terminal for both.
  static Result<Terminal> open();
  Terminal(Terminal&&) noexcept = default;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  [[nodiscard]] Size size() const;
  // Replaces what is there, from the first line on. False: the terminal is gone.
  bool draw(const std::vector<std::string>& lines);
  Happened wait(std::chrono::milliseconds longest);

 private:
  Terminal() = default;
  void take();
  void give_back();
  void suspend();
  bool write(std::string_view bytes);

  UniqueFd signals_;
  termios before_{};
  bool taken_ = false;
  bool gone_ = false;
};

}  // namespace monodon::cli

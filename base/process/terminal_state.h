// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <termios.h>

namespace monodon {

// How the terminal of standard input was set, so that it can be so again after a
// program that was killed while it read from it with settings of its own.
class TerminalState {
 public:
  // Of now; nothing where standard input is no terminal.
  void save();
  // Nothing unless it was saved, and this process is in the foreground.
  void restore() const;

 private:
  termios state_{};
  bool saved_ = false;
};

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
// Keeps the settings of a terminal.
#include "base/process/terminal_state.h"

#include <unistd.h>

namespace monodon {

void TerminalState::save() {
  saved_ = ::tcgetattr(STDIN_FILENO, &state_) == 0;
}

void TerminalState::restore() const {
  // From the background the kernel would stop us for it (SIGTTOU).
  if (!saved_ || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return;
  // What was typed for a debugger that is gone is not for the next one.
  termios now{};
  const bool changed = ::tcgetattr(STDIN_FILENO, &now) == 0 &&
                       (now.c_lflag != state_.c_lflag || now.c_iflag != state_.c_iflag);
  (void)::tcsetattr(STDIN_FILENO, changed ? TCSAFLUSH : TCSANOW, &state_);
}

}  // namespace monodon

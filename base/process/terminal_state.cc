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
  if (saved_ && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp())
    (void)::tcsetattr(STDIN_FILENO, TCSANOW, &state_);
}

}  // namespace monodon

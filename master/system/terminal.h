// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon::master {

// In the background of a shell, the kernel has stopped whoever read from the terminal
// (pdb) by a signal to all of us (SIGTTIN, see termios(3)). Nobody else stops for it; the
// shell, which looks at the master alone, is to see it, so that `fg` continues all.
// Returns after that; false, at once, where we are not in the background. Master.
bool stop_with_the_terminal();

}  // namespace monodon::master

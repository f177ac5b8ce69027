// SPDX-License-Identifier: Apache-2.0
// The job of a shell that a development server is.
#include "master/system/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace monodon::master {

bool stop_with_the_terminal() {
  const UniqueFd terminal{::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!terminal) return false;
  const pid_t front = ::tcgetpgrp(terminal.get());
  if (front <= 0 || front == ::getpgrp()) return false;
  return ::kill(0, SIGSTOP) == 0;
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// Why a server does not start, for systemd and for whoever looks at stderr.
#include "master/failed_start.h"

#include <unistd.h>

#include "base/log/log_sight.h"
#include "base/text/escape.h"
#include "base/text/text.h"

namespace monodon::master {

std::string failed_start_text(std::string_view reason) {
  constexpr std::size_t kMost = 300;
  std::string text = "cannot start: ";
  append_printable(text, first_line(reason).substr(0, kMost));
  return text;
}

void tell_failed_start(std::string_view reason) {
  if (log::is_seen_on_stderr()) return;
  std::string text = "monodon: cannot start: ";
  append_printable_lines(text, reason, {});
  text += '\n';
  // Nobody reads it, or not all of it: the log has it.
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace monodon::master

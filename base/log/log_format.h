// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "base/log/log.h"

namespace monodon::log {

// One thing to say, and how it looks in each format. Pure but for the time zone.
struct Entry {
  Level level = Level::info;
  timespec time{};  // CLOCK_REALTIME
  pid_t pid = 0;
  std::string_view message;
  std::span<const Field> fields;   // of this line
  std::span<const Field> context;  // of the process
  bool from_application = false;   // its own text: log::raw
};

[[nodiscard]] std::string_view level_name(Level level) noexcept;  // "info"

// Each appends the whole entry to `to`; text and json end with a newline. That for a
// terminal has the time of day and the words, for somebody who sits there; what goes
// without saying while one writes code is left out, and nothing is appended.
void append_text(std::string& to, const Entry& entry);
void append_for_terminal(std::string& to, const Entry& entry, bool coloured);
void append_json_line(std::string& to, const Entry& entry);
void append_journal(std::string& to, const Entry& entry);

}  // namespace monodon::log

// SPDX-License-Identifier: Apache-2.0
// The access log as a developer reads it.
#include "worker/access/access_terminal.h"

#include <fmt/format.h>

#include <ctime>

#include "base/log/log_zone.h"
#include "base/text/colour.h"
#include "base/text/escape.h"

namespace monodon::worker::access {
namespace {

std::string_view colour_of(int status) {
  if (status == 0 || status >= 500) return colour::kRed;
  if (status >= 400) return colour::kYellow;
  if (status >= 300) return colour::kCyan;
  return colour::kGreen;
}

std::string duration(std::uint64_t us) {
  constexpr std::uint64_t kSlow = 9'999'500;
  if (us < 9'950) return fmt::format("{:.1f} ms", static_cast<double>(us) / 1e3);
  if (us < kSlow) return fmt::format("{:.0f} ms", static_cast<double>(us) / 1e3);
  return fmt::format("{:.1f} s", static_cast<double>(us) / 1e6);
}

std::string size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024 * 1024)
    return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

}  // namespace

void append_terminal_line(std::string& to, const AccessRecord& record, bool coloured) {
  const auto paint = [&](std::string_view code) {
    if (coloured) to += code;
  };
  const std::tm parts = log::local_parts(static_cast<std::time_t>(record.wall_seconds));
  paint(colour::kDim);
  fmt::format_to(std::back_inserter(to), "{:02}:{:02}:{:02} ", parts.tm_hour,
                 parts.tm_min, parts.tm_sec);
  paint(colour::kPlain);
  paint(colour_of(record.status));
  to += record.status == 0 ? "---" : std::to_string(record.status);
  paint(colour::kPlain);
  fmt::format_to(std::back_inserter(to), " {:>8}  ", duration(record.duration_us));
  if (record.head == nullptr) {
    to += "(not a request)";
  } else {
    append_printable(to, record.head->method);
    to += ' ';
    append_printable(to, record.head->target);
  }
  if (record.body_bytes != 0) {
    paint(colour::kDim);
    to += "  " + size(record.body_bytes);
    paint(colour::kPlain);
  }
  to += '\n';
}

}  // namespace monodon::worker::access

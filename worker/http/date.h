// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace monodon::http {

// The value of a Date field, IMF-fixdate (RFC 9110 5.6.7), in English whatever the
// locale of the process. Made anew only when the second changes.
//
// One object for one thread. Views are good until the next call with another second.
class DateText {
 public:
  // Unix time, whole seconds, years 1970 to 9999.
  [[nodiscard]] std::string_view at(std::int64_t wall_seconds) noexcept;

  // CLOCK_REALTIME_COARSE: late by a timer tick at most, and without a system call.
  [[nodiscard]] std::string_view now() noexcept;

 private:
  static constexpr std::string_view kShape = "Thu, 01 Jan 1970 00:00:00 GMT";
  std::int64_t second_ = -1;
  std::array<char, kShape.size()> text_{};
};

}  // namespace monodon::http

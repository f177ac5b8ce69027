// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace monodon::metrics {

// Lines that no log has, because a disk is full or a reader is slow; and whether that
// was lately, since the counter outlives restarts of the server. Exporter, one thread.
class LogLoss {
 public:
  static constexpr std::uint64_t kLatelyNs = 600'000'000'000;

  // Once a second or so. `lines`: since the counter began.
  void note(std::uint64_t lines, std::uint64_t now_ns) noexcept {
    const bool is_first = !noted_;
    noted_ = true;
    if (!is_first && lines > lines_) grew_ns_ = now_ns;
    lines_ = lines;
  }
  // Since the counter began, if some of them were lost lately; else 0.
  [[nodiscard]] std::uint64_t lately(std::uint64_t now_ns) const noexcept {
    return grew_ns_ != 0 && now_ns < grew_ns_ + kLatelyNs ? lines_ : 0;
  }

 private:
  bool noted_ = false;
  std::uint64_t lines_ = 0;
  std::uint64_t grew_ns_ = 0;  // 0: never while somebody looked
};

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace monodon::worker {

// What a request takes of late, and whether one that would wait behind others is worth
// moving to another worker. Pure; the leader's.
class ServiceTime {
 public:
  void learn(std::uint64_t ns) noexcept { ns_ = (ns_ * 7 + ns) / 8; }
  [[nodiscard]] std::uint64_t ns() const noexcept { return ns_; }

  // `waiting`: connections that have something to read, one of which is served next.
  [[nodiscard]] bool worth_moving(std::size_t waiting) const noexcept {
    return waiting >= 2 && ns_ >= kTrifleNs && ns_ * (waiting - 1) >= kWorthNs;
  }

 private:
  // A handover costs some 5 us of CPU and 25 us until the other worker has it. It is
  // for waits that are much longer.
  static constexpr std::uint64_t kWorthNs = 300'000;
  static constexpr std::uint64_t kTrifleNs = 50'000;  // sooner done than moved

  std::uint64_t ns_ = 0;
};

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace monodon::worker {

// The time as the leader last read it: reading a clock costs as much as parsing a
// field. What happens between two waits happens now; each request that ends tells the
// time to the next one, for which that is when it began to be worked on.
//
// The leader's.
class Moment {
 public:
  // CLOCK_MONOTONIC; read when it was not since the last wait.
  [[nodiscard]] std::uint64_t now() noexcept {
    if (ns_ == 0) ns_ = monotonic_ns();
    return ns_;
  }
  void set(std::uint64_t ns) noexcept { ns_ = ns; }
  void waited() noexcept { ns_ = 0; }

 private:
  std::uint64_t ns_ = 0;
};

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace monodon::master {

// Whether a serving worker still shows a sign of life. Its heartbeat changes once a
// second; a worker whose heartbeat stands still for kMost looks, kPeriod apart, is
// taken for silent. Looks are counted, not seconds: after a suspend or freeze of the
// whole machine the clock alone would condemn everybody.
//
// Pure: the caller passes the time in, and what it has read.
class Heartbeat {
 public:
  static constexpr Clock::duration kPeriod = std::chrono::seconds{2};
  static constexpr unsigned kMost = 7;

  // The worker begins to serve: the first look is due in a period.
  void begin(Clock::time_point now) { *this = Heartbeat{now + kPeriod}; }
  // One that serves since before this master did: look at once.
  void take_over(Clock::time_point now) { *this = Heartbeat{now}; }
  // No more looks, until it begins again.
  void end() { *this = Heartbeat{}; }

  [[nodiscard]] Clock::time_point next_look() const { return next_look_; }

  // A look that is due. `heartbeat`: what the page says; 0 is no reason to worry: none
  // yet, or unreadable. True: it is silent.
  [[nodiscard]] bool look(std::uint64_t heartbeat, Clock::time_point now) {
    next_look_ = now + kPeriod;
    const bool alive = heartbeat == 0 || heartbeat != last_;
    last_ = heartbeat;
    in_vain_ = alive ? 0 : in_vain_ + 1;
    return in_vain_ >= kMost;
  }

  Heartbeat() = default;

 private:
  explicit Heartbeat(Clock::time_point next_look) : next_look_{next_look} {}

  Clock::time_point next_look_ = Clock::time_point::max();
  std::uint64_t last_ = 0;
  unsigned in_vain_ = 0;
};

}  // namespace monodon::master

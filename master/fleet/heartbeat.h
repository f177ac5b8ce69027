// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace monodon::master {

// Whether a process still shows a sign of life. A serving worker's heartbeat changes
// each second, or each fourth at rest, and a zygote answers each ping; one whose
// heartbeat stands still for kMost looks, about a period apart, is taken for silent.
// Looks are counted, not seconds: after a suspend or freeze of the whole machine the
// clock alone would condemn everybody.
//
// Pure: the caller passes the time in, and what it has read.
class Heartbeat {
 public:
  static constexpr Clock::duration kPeriod = std::chrono::seconds{2};
  static constexpr unsigned kMost = 7;

  explicit Heartbeat(Clock::duration period = kPeriod) : period_{period} {}

  // It begins to serve: the first look is due in a period.
  void begin(Clock::time_point now) { restart(now + period_); }
  // One that serves since before this master did: look at once.
  void take_over(Clock::time_point now) { restart(now); }
  // No more looks, until it begins again.
  void end() { restart(Clock::time_point::max()); }

  [[nodiscard]] Clock::time_point next_look() const { return next_look_; }

  // A look that is due. `heartbeat`: what the page says; 0 is no reason to worry: none
  // yet, or unreadable. True: it is silent.
  [[nodiscard]] bool look(std::uint64_t heartbeat, Clock::time_point now) {
    next_look_ = now + period_;
    const bool alive = heartbeat == 0 || heartbeat != last_;
    last_ = heartbeat;
    in_vain_ = alive ? 0 : in_vain_ + 1;
    return in_vain_ >= kMost;
  }

 private:
  void restart(Clock::time_point next_look) {
    *this = Heartbeat{period_};
    next_look_ = next_look;
  }

  Clock::duration period_;
  Clock::time_point next_look_ = Clock::time_point::max();
  std::uint64_t last_ = 0;
  unsigned in_vain_ = 0;
};

}  // namespace monodon::master

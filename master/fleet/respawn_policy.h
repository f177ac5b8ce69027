// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace monodon::master {

// How long a slot (or a zygote) rests after its process failed.
//
// Each failure doubles the pause, from first_pause to longest_pause. A process that
// lived for healthy_after clears the record, so one crash a day costs nothing. Every
// slot has a record of its own: one poisoned request does not slow down the others.
//
// Pure: the caller passes the time in.
class RespawnPolicy {
 public:
  struct Limits {
    Clock::duration first_pause = std::chrono::milliseconds{100};
    Clock::duration longest_pause = std::chrono::seconds{30};
    Clock::duration healthy_after = std::chrono::seconds{10};
  };

  explicit RespawnPolicy(Limits limits) : limits_{limits} {}

  // The earliest moment of the next try. `started` is when the process that failed
  // was asked for; equal to `now` when none came to be.
  Clock::time_point after_failure(Clock::time_point started, Clock::time_point now) {
    if (now - started >= limits_.healthy_after) clear();
    pause_ = std::clamp(pause_ * 2, limits_.first_pause, limits_.longest_pause);
    return now + pause_;
  }

  // A new generation deserves a fresh try.
  void clear() { pause_ = Clock::duration::zero(); }

 private:
  Limits limits_;
  Clock::duration pause_{};
};

}  // namespace monodon::master

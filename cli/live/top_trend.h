// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "cli/live/server_status.h"

namespace monodon::cli {

// What one slot, or all of them, did lately. Seconds; negative: there was nothing.
struct Pace {
  double requests = 0;  // per second
  double errors = 0;    // 5xx and connections cut, per second
  double p50 = -1;      // from the head of a request to the end of its answer
  double p99 = -1;
  double cpu = -1;  // processors in use: 1.0 is one of them
};

// Makes rates of counters: the newest look against one that is some seconds older, so
// that a pace neither jumps about nor hides what has just changed. Pure.
class Trend {
 public:
  explicit Trend(std::uint64_t span_ns = 5'000'000'000) : span_ns_{span_ns} {}

  void note(const ServerStatus& status);
  [[nodiscard]] Pace of(std::uint32_t slot) const;
  [[nodiscard]] Pace of_all() const;

 private:
  struct Look {
    std::uint64_t at_ns = 0;
    std::map<std::uint32_t, SlotStatus> slots;
  };
  std::uint64_t span_ns_;
  std::deque<Look> looks_;  // oldest first; the first one is what is compared with
};

// The time that a share `q` of what was counted stayed below, in seconds, interpolated
// within a bucket (scoreboard::kBucketsUs); negative: nothing was counted.
[[nodiscard]] double quantile(
    std::span<const std::uint64_t, scoreboard::kBuckets> counts, double q);

}  // namespace monodon::cli

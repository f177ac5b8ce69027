// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "scoreboard/page.h"

namespace monodon::scoreboard {

// Everything that is counted for a worker, summed over its threads: the counters of
// WorkerHeader and ThreadRow as plain numbers. A struct of nothing but uint64_t.
struct Totals {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t dropped_fields = 0;
  std::uint64_t static_files = 0;
  std::uint64_t accepted = 0;
  std::uint64_t accept_pauses = 0;
  std::uint64_t handed_in = 0;
  std::uint64_t handed_out = 0;
  std::uint64_t log_lines_dropped = 0;
  std::uint64_t slow_requests = 0;
  std::uint64_t deadlines = 0;
  // Not on the page: what others know of the worker.
  std::uint64_t thread_ns = 0;  // its threads times its life
  std::uint64_t cpu_us = 0;     // processor time, with that of its children
  std::array<std::uint64_t, kClasses> responses{};
  std::array<std::uint64_t, kClasses> duration_sum_us{};
  std::array<std::array<std::uint64_t, kBuckets>, kClasses> duration{};
  std::array<std::array<std::uint64_t, kBuckets>, kClasses> first_byte{};
  std::array<std::uint64_t, kClasses> first_byte_sum_us{};
  std::array<std::uint64_t, kBuckets> queue{};
  std::uint64_t queue_sum_us = 0;
  std::uint64_t lock_wait_ns = 0;

  Totals& operator+=(const Totals& other) noexcept;  // stops at the largest number
  bool operator==(const Totals& other) const = default;
};
inline constexpr std::size_t kTotalsWords = sizeof(Totals) / sizeof(std::uint64_t);
using TotalsWords = std::array<std::uint64_t, kTotalsWords>;

// What one worker says it has counted, made believable: no counter ever goes back, and
// none grows faster than any worker could (one request a microsecond and thread). What
// is not believable is left out and the last believable value stands.
//
// Kept in the private memory of whoever reads the page: the master, to fold the last
// values into the totals of the slot, and the exporter, between two scrapes.
class CounterGuard {
 public:
  CounterGuard() = default;
  // `started_ns`: when the reader's own side started the worker, CLOCK_MONOTONIC.
  CounterGuard(std::uint32_t threads, std::uint64_t started_ns) noexcept
      : threads_{threads}, seen_ns_{started_ns} {}

  const Totals& observe(const Totals& rumour, std::uint64_t now_ns) noexcept;
  [[nodiscard]] const Totals& believed() const noexcept { return believed_; }

 private:
  std::uint64_t threads_ = 1;
  std::uint64_t seen_ns_ = 0;
  Totals believed_;
};

}  // namespace monodon::scoreboard

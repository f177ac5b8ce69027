// SPDX-License-Identifier: Apache-2.0
// Sums of everything that is counted.
#include "scoreboard/totals.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

namespace monodon::scoreboard {
namespace {

static_assert(std::is_trivially_copyable_v<Totals>);
static_assert(sizeof(TotalsWords) == sizeof(Totals));

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) noexcept {
  return b != 0 && a > kLargest / b ? kLargest : a * b;
}

// The most that each counter can have grown in `us` microseconds.
Totals plausible_growth(std::uint64_t us, std::uint64_t threads) noexcept {
  constexpr std::uint64_t kBytesPerUs = 100'000;     // 100 GB/s
  constexpr std::uint64_t kConnections = 1'000'000;  // that wait at the same time
  const std::uint64_t events =
      saturating_product(us, std::max<std::uint64_t>(threads, 1));
  TotalsWords words{};
  words.fill(events);
  Totals growth = std::bit_cast<Totals>(words);
  growth.bytes_in = saturating_product(us, kBytesPerUs);
  growth.bytes_out = growth.bytes_in;
  growth.busy_ns = saturating_product(events, 1000);
  growth.duration_sum_us.fill(saturating_product(us, kConnections));
  growth.first_byte_sum_us = growth.duration_sum_us;
  // An hour each, at most (Loop::note_queue_time).
  growth.queue_sum_us = saturating_product(events, 3'600'000'000);
  growth.lock_wait_ns = growth.busy_ns;
  // Counted in bulk, from one head or by a thread that does nothing else.
  growth.dropped_fields = saturating_product(events, 1000);
  growth.log_lines_dropped = growth.dropped_fields;
  return growth;
}

}  // namespace

Totals& Totals::operator+=(const Totals& other) noexcept {
  auto words = std::bit_cast<TotalsWords>(*this);
  const auto more = std::bit_cast<TotalsWords>(other);
  for (std::size_t i = 0; i < kTotalsWords; ++i)
    words[i] = more[i] > kLargest - words[i] ? kLargest : words[i] + more[i];
  *this = std::bit_cast<Totals>(words);
  return *this;
}

const Totals& CounterGuard::observe(const Totals& rumour,
                                    std::uint64_t now_ns) noexcept {
  // A second more than has passed: counters may have been read a little late.
  const std::uint64_t passed = now_ns > seen_ns_ ? now_ns - seen_ns_ : 0;
  const auto growth =
      std::bit_cast<TotalsWords>(plausible_growth(passed / 1000 + 1'000'000, threads_));
  const auto said = std::bit_cast<TotalsWords>(rumour);
  auto believed = std::bit_cast<TotalsWords>(believed_);
  for (std::size_t i = 0; i < kTotalsWords; ++i)
    if (said[i] > believed[i] && said[i] - believed[i] <= growth[i])
      believed[i] = said[i];
  believed_ = std::bit_cast<Totals>(believed);
  seen_ns_ = std::max(seen_ns_, now_ns);
  return believed_;
}

}  // namespace monodon::scoreboard

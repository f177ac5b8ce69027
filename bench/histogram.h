// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace monodon::bench {

// Durations in nanoseconds, counted in buckets that grow with them: 64 to each power of
// two, so a percentile is at most 1.6 % too large and never too small.
class Histogram {
 public:
  void add(std::uint64_t ns) noexcept {
    ++buckets_[index_of(ns)];
    ++count_;
    sum_ += ns;
    most_ = std::max(most_, ns);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }

  // The duration that `share` (0 to 1) of all do not exceed; 0 if there are none.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept {
    const auto wanted =
        static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen != 0 && seen >= wanted) return std::min(last_of(i), most_);
    }
    return most_;
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kPerPower = 1U << kBits;

  static std::size_t index_of(std::uint64_t ns) noexcept {
    if (ns < kPerPower) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - kBits - 1;
    return (shift + 1) * kPerPower +
           static_cast<std::size_t>((ns >> shift) - kPerPower);
  }
  static std::uint64_t last_of(std::size_t index) noexcept {
    if (index < kPerPower) return index;
    const std::size_t shift = index / kPerPower - 1;
    const std::uint64_t first = index % kPerPower + kPerPower;
    return ((first + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kPerPower> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace monodon::bench

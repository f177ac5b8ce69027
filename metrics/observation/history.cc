// SPDX-License-Identifier: Apache-2.0
// Counters of the scoreboard as curves over the last hour.
#include "metrics/observation/history.h"

#include <algorithm>
#include <numeric>

namespace monodon::metrics {
namespace {

constexpr std::uint64_t kShortestNs = 900'000'000;

}  // namespace

std::optional<double> quantile(
    double share, const std::array<std::uint64_t, scoreboard::kBuckets>& counts) {
  const auto all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (all == 0) return std::nullopt;
  const double wanted = share * static_cast<double>(all);
  constexpr auto& kBounds = scoreboard::kBucketsUs;
  double seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts.at(i));
    if (count > 0 && seen + count >= wanted) {
      if (i >= kBounds.size()) break;
      const double low = i == 0 ? 0.0 : kBounds.at(i - 1);
      return (low + (kBounds.at(i) - low) * (wanted - seen) / count) / 1e6;
    }
    seen += count;
  }
  return kBounds.back() / 1e6;
}

std::array<std::uint64_t, scoreboard::kBuckets> durations(
    const scoreboard::Totals& sum) {
  std::array<std::uint64_t, scoreboard::kBuckets> all{};
  for (const auto& of_class : sum.duration)
    for (std::size_t b = 0; b < all.size(); ++b) all.at(b) += of_class[b];
  return all;
}

void History::note_queue(std::uint32_t waiting) {
  waiting_ = std::max(waiting_, waiting);
}

void History::note(const Sight& sight, std::uint64_t memory, double wall) {
  const Counters now = counters_of(sight);
  if (begin_ && now.at_ns > begin_->at_ns) {
    moments_.push_back(since(now, memory, wall));
    if (moments_.size() > kMost) moments_.pop_front();
  }
  begin_ = now;
  waiting_ = 0;
}

std::optional<Moment> History::present(const Sight& sight, std::uint64_t memory,
                                       double wall) const {
  if (!begin_ || sight.now_ns < begin_->at_ns + kShortestNs) return std::nullopt;
  return since(counters_of(sight), memory, wall);
}

History::Counters History::counters_of(const Sight& sight) {
  const scoreboard::Totals& sum = sight.sum;
  return {sight.now_ns, sum.requests, sum.responses[4] + sum.responses[5], sum.busy_ns,
          durations(sum)};
}

Moment History::since(const Counters& now, std::uint64_t memory, double wall) const {
  const double passed = static_cast<double>(now.at_ns - begin_->at_ns) / 1e9;
  const auto grown = [](std::uint64_t before, std::uint64_t after) {
    return static_cast<double>(after > before ? after - before : 0);
  };
  auto counts = now.durations;
  for (std::size_t b = 0; b < counts.size(); ++b)
    counts.at(b) -= std::min(counts.at(b), begin_->durations.at(b));
  return {.time = wall,
          .requests = grown(begin_->requests, now.requests) / passed,
          .errors = grown(begin_->errors, now.errors) / passed,
          .median = quantile(0.5, counts),
          .p99 = quantile(0.99, counts),
          .busy = grown(begin_->busy_ns, now.busy_ns) / 1e9 / passed,
          .waiting = waiting_,
          .memory = memory};
}

}  // namespace monodon::metrics

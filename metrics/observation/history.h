// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "metrics/observation/observer.h"

namespace monodon::metrics {

// The value below which a share of what a histogram has counted is, in seconds, between
// the bounds of its bucket (as Prometheus' histogram_quantile). nullopt: it is empty.
[[nodiscard]] std::optional<double> quantile(
    double share, const std::array<std::uint64_t, scoreboard::kBuckets>& counts);

// The durations of requests of every class.
[[nodiscard]] std::array<std::uint64_t, scoreboard::kBuckets> durations(
    const scoreboard::Totals& sum);

// What happened in one step of the history.
struct Moment {
  double time = 0;                    // its end, seconds since 1970
  double requests = 0;                // a second
  double errors = 0;                  // of them with 5xx or without an answer, a second
  std::optional<double> median, p99;  // seconds; nullopt: no request ended
  double busy = 0;                    // threads, on the average
  std::uint32_t waiting = 0;          // connections in the listen queues, at most
  std::uint64_t memory = 0;           // bytes of all workers; 0: not known
};

// The last hour in steps, for the curves of the dashboard: 30 KB at most. Made of looks
// that the exporter takes anyway. Exporter, one thread.
class History {
 public:
  static constexpr std::uint64_t kStepNs = 10'000'000'000;
  static constexpr std::size_t kMost = 360;

  // Connections that wait now, in all queues.
  void note_queue(std::uint32_t waiting);
  // Ends a step; at the first time it begins one.
  void note(const Sight& sight, std::uint64_t memory, double wall);

  [[nodiscard]] const std::deque<Moment>& moments() const { return moments_; }
  // Of the step under way; nullopt while it is too short to say anything.
  [[nodiscard]] std::optional<Moment> present(const Sight& sight, std::uint64_t memory,
                                              double wall) const;

 private:
  struct Counters {
    std::uint64_t at_ns = 0;
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    std::uint64_t busy_ns = 0;
    std::array<std::uint64_t, scoreboard::kBuckets> durations{};
  };

  static Counters counters_of(const Sight& sight);
  [[nodiscard]] Moment since(const Counters& now, std::uint64_t memory,
                             double wall) const;

  std::optional<Counters> begin_;  // of the step
  std::uint32_t waiting_ = 0;      // at most, in it
  std::deque<Moment> moments_;
};

}  // namespace monodon::metrics

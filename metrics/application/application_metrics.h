// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace monodon::metrics {

// Merges the application's metrics over the workers as prometheus_client's
// multiprocess mode does. Every byte of the region
// (metrics/application/application_region.h) may be garbage: it is copied, then
// checked, and what makes no sense is left out. Exporter, one thread.
class ApplicationMetrics {
 public:
  // Without a descriptor there are none.
  explicit ApplicationMetrics(UniqueFd region) : region_{std::move(region)} {}

  // pids: of the worker in each slot as the master says, 0: none. The slots that have
  // ever been used; only they are read. However much is there, at most kMostSamples
  // with kMostBytes of names and labels come back: always the same ones, so that no
  // counter seems to go back.
  std::vector<prometheus::MetricFamily> read(std::span<const std::uint32_t> pids);
  static constexpr std::size_t kMostSamples = 50'000;
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20U;
  // By the last read().
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  // Series that found no room, as the workers say; 0 without a region.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  enum class Type { counter, gauge, histogram, summary };
  using Labels = std::map<std::string, std::string>;
  struct Series {
    std::string text;  // the key that it was made of
    bool valid = false;
    Type type = Type::counter;
    std::string mode;
    std::string family;
    std::string part;  // "", "_sum", "_count", "_bucket"
    std::string help;
    Labels labels;
    double bound = 0;  // of a bucket
  };
  struct Cell {
    double value;
    double time;
    std::uint64_t pid;
  };
  struct Sample {
    std::optional<double> value;
    double time = 0;
    double sum = 0;
    double count = 0;
    std::map<double, double> buckets;  // upper bound: count, not cumulative
  };
  struct Family {
    const Series* first = nullptr;
    std::map<Labels, Sample> samples;
  };
  using Families = std::map<std::string, Family>;
  // Where the cells of one entry go; looked up once for all slots.
  struct Target {
    Family* family = nullptr;
    Sample* sample = nullptr;  // null: one for each cell, or none
    bool looked_up = false;
    bool fits = false;  // of the type and mode of its family
  };

  static Series parse(std::string text);
  static bool check_part(Series& series, const std::string& sample);
  static bool counts(const Series& series, const Cell& cell, bool live);
  static void merge(const Series& series, const Cell& cell, Sample& into);
  Sample* sample_for(const Series& series, Family& family, const Labels& labels);
  void take(const Series& series, const Cell& cell, Target& target);
  static prometheus::MetricFamily finish(const std::string& name, const Family& family);
  void read_keys(std::size_t count);

  UniqueFd region_;
  std::vector<Series> series_;  // by entry; kept, since keys seldom change
  std::size_t samples_ = 0;     // of this read, and what they are long
  std::size_t bytes_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace monodon::metrics

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
// multiprocess mode does. Every byte of the region (metrics/application_region.h) may
// be garbage: it is copied, then checked, and what makes no sense is left out.
// Exporter, one thread.
class ApplicationMetrics {
 public:
  // Without a descriptor there are none.
  explicit ApplicationMetrics(UniqueFd region) : region_{std::move(region)} {}

  // pids: of the worker in each slot as the master says, 0: none. The slots that have
  // ever been used; only they are read.
  std::vector<prometheus::MetricFamily> read(std::span<const std::uint32_t> pids);

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

  static Series parse(std::string text);
  static bool check_part(Series& series, const std::string& sample);
  static void merge(const Series& series, const Cell& cell, bool live, Family& into);
  static prometheus::MetricFamily finish(const std::string& name, const Family& family);
  void read_keys(std::size_t count);

  UniqueFd region_;
  std::vector<Series> series_;  // by entry; kept, since keys seldom change
};

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metrics/exposition/catalogue.h"
#include "scoreboard/page.h"

namespace monodon::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Counts in the buckets of the scoreboard, as they stand there: each request in one
// bucket, not cumulative.
struct HistogramData {
  std::span<const std::uint64_t, scoreboard::kBuckets> counts;
  std::uint64_t sum_us = 0;
};

// Collects samples under the names of the catalogue and renders them. Exporter only;
// one object for each scrape.
class Exposition {
 public:
  Exposition() : families_(kCatalogue.size()) {}

  void add(Name name, double value, Labels labels = {});
  void add(Name name, const HistogramData& data, Labels labels = {});
  // Families of others (the application's), after ours.
  void append(std::vector<prometheus::MetricFamily> families);

  // To every sample that has no label of that name, the application's included.
  void add_labels(const std::vector<std::pair<std::string, std::string>>& labels);

  // Prometheus' text format, version 0.0.4, or OpenMetrics
  // (metrics/exposition/openmetrics.h). Metrics without a sample are left out.
  [[nodiscard]] std::string text() &&;
  [[nodiscard]] std::string openmetrics() &&;

 private:
  prometheus::ClientMetric& sample(Name name, Labels&& labels);
  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace monodon::metrics

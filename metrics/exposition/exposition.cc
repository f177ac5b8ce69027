// SPDX-License-Identifier: Apache-2.0
// Samples in Prometheus's text format.
#include "metrics/exposition/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <sstream>

#include "metrics/exposition/openmetrics.h"

namespace monodon::metrics {
namespace {

prometheus::MetricType library_type(Type type) {
  switch (type) {
    case Type::counter:
      return prometheus::MetricType::Counter;
    case Type::gauge:
      return prometheus::MetricType::Gauge;
    case Type::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

prometheus::ClientMetric& Exposition::sample(Name name, Labels&& labels) {
  prometheus::MetricFamily& family = families_[name.row];
  if (family.name.empty()) {
    const Metric& row = kCatalogue[name.row];
    family.name = std::string{kPrefix} + std::string{row.name};
    family.help = row.help;
    family.type = library_type(row.type);
  }
  prometheus::ClientMetric& made = family.metric.emplace_back();
  for (auto& [key, value] : labels)
    made.label.push_back({std::move(key), std::move(value)});
  return made;
}

void Exposition::add(Name name, double value, Labels labels) {
  prometheus::ClientMetric& made = sample(name, std::move(labels));
  made.counter.value = value;
  made.gauge.value = value;
}

void Exposition::add(Name name, const HistogramData& data, Labels labels) {
  prometheus::ClientMetric& made = sample(name, std::move(labels));
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < scoreboard::kBuckets; ++i) {
    so_far += data.counts[i];
    const double bound = i < scoreboard::kBucketsUs.size()
                             ? static_cast<double>(scoreboard::kBucketsUs[i]) / 1e6
                             : std::numeric_limits<double>::infinity();
    made.histogram.bucket.push_back({so_far, bound});
  }
  made.histogram.sample_count = so_far;
  made.histogram.sample_sum = static_cast<double>(data.sum_us) / 1e6;
}

void Exposition::append(std::vector<prometheus::MetricFamily> families) {
  families_.insert(families_.end(), std::make_move_iterator(families.begin()),
                   std::make_move_iterator(families.end()));
}

void Exposition::add_labels(
    const std::vector<std::pair<std::string, std::string>>& labels) {
  for (prometheus::MetricFamily& family : families_)
    for (prometheus::ClientMetric& metric : family.metric)
      for (const auto& [key, value] : labels) {
        const auto same = [&key = key](const auto& one) { return one.name == key; };
        if (std::none_of(metric.label.begin(), metric.label.end(), same))
          metric.label.push_back({key, value});
      }
}

std::string Exposition::openmetrics() && {
  return openmetrics_text(families_);
}

std::string Exposition::text() && {
  std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, families_);
  return std::move(out).str();
}

}  // namespace monodon::metrics

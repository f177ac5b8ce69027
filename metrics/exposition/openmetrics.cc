// SPDX-License-Identifier: Apache-2.0
// Samples in the OpenMetrics format, which prometheus-cpp does not write.
#include "metrics/exposition/openmetrics.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

namespace monodon::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

void append_escaped(std::string& to, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      to += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') to += '\\';
    to += c;
  }
}

// "1.0", "0.005": bounds must look like floats.
std::string number(double value, bool as_float = false) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::string text = fmt::format("{}", value);
  if (text.ends_with(".0") && !as_float) text.resize(text.size() - 2);
  if (as_float && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void append_sample(std::string& to, std::string_view name, const ClientMetric& metric,
                   std::string_view more, const std::string& more_value, double value) {
  to += name;
  char before = '{';
  const auto label = [&](std::string_view key, std::string_view text) {
    to += before;
    to += key;
    to += "=\"";
    append_escaped(to, text);
    to += '"';
    before = ',';
  };
  for (const ClientMetric::Label& one : metric.label) label(one.name, one.value);
  if (!more.empty()) label(more, more_value);
  if (before == ',') to += '}';
  to += ' ';
  to += number(value);
  to += '\n';
}

void append_parts(std::string& to, const MetricFamily& family,
                  const ClientMetric& metric) {
  const std::string& name = family.name;
  if (family.type == MetricType::Histogram) {
    const auto& data = metric.histogram;
    for (const ClientMetric::Bucket& bucket : data.bucket)
      append_sample(to, name + "_bucket", metric, "le",
                    number(bucket.upper_bound, true),
                    static_cast<double>(bucket.cumulative_count));
    append_sample(to, name + "_sum", metric, {}, {}, data.sample_sum);
    append_sample(to, name + "_count", metric, {}, {},
                  static_cast<double>(data.sample_count));
    return;
  }
  if (family.type == MetricType::Summary) {
    for (const ClientMetric::Quantile& quantile : metric.summary.quantile)
      append_sample(to, name, metric, "quantile", number(quantile.quantile, true),
                    quantile.value);
    append_sample(to, name + "_sum", metric, {}, {}, metric.summary.sample_sum);
    append_sample(to, name + "_count", metric, {}, {},
                  static_cast<double>(metric.summary.sample_count));
    return;
  }
  const double value = family.type == MetricType::Counter ? metric.counter.value
                       : family.type == MetricType::Gauge ? metric.gauge.value
                                                          : metric.untyped.value;
  append_sample(to, name, metric, {}, {}, value);
}

std::string_view type_of(const MetricFamily& family) {
  if (family.type == MetricType::Counter)
    return std::string_view{family.name}.ends_with(kTotal) ? "counter" : "unknown";
  if (family.type == MetricType::Gauge) return "gauge";
  if (family.type == MetricType::Histogram) return "histogram";
  return family.type == MetricType::Summary ? "summary" : "unknown";
}

}  // namespace

std::string openmetrics_text(const std::vector<MetricFamily>& families) {
  std::string text;
  for (const MetricFamily& family : families) {
    if (family.metric.empty()) continue;
    const std::string_view type = type_of(family);
    std::string_view name = family.name;
    if (type == "counter") name.remove_suffix(kTotal.size());
    text += fmt::format("# TYPE {} {}\n", name, type);
    if (!family.help.empty()) {
      text += fmt::format("# HELP {} ", name);
      append_escaped(text, family.help);
      text += '\n';
    }
    for (const ClientMetric& metric : family.metric) append_parts(text, family, metric);
  }
  return text + "# EOF\n";
}

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
// The application's own metrics, read from memory that is not believed.
#include "metrics/application/application_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "metrics/application/application_region.h"

namespace monodon::metrics {
namespace {

constexpr double kMostCount = 9007199254740992.0;  // 2^53: whole numbers up to here
constexpr std::size_t kKeyStart = 8;
constexpr std::array<std::string_view, 10> kModes = {
    "all",     "liveall", "sum",     "livesum",    "min",
    "livemin", "max",     "livemax", "mostrecent", "livemostrecent"};

bool read_at(int fd, void* to, std::size_t size, std::size_t at) {
  return ::pread(fd, to, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
}

bool is_name(std::string_view text, bool colon) {
  const auto fits = [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9') || (colon && c == ':');
  };
  return !text.empty() && (text[0] < '0' || text[0] > '9') &&
         std::all_of(text.begin(), text.end(), fits);
}

bool is_count(double value) {
  return value >= 0 && value <= kMostCount;  // false for NaN
}

// Python's repr of a float, "+Inf" among them.
std::optional<double> bound_of(const std::string& text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// The text format escapes these in HELP as well; prometheus-cpp does so for the values
// of labels only, and one line that is none makes a scrape fail.
std::string escaped_help(const std::string& help) {
  std::string text;
  for (const char c : help) {
    if (c == '\n')
      text += "\\n";
    else if (c == '\\')
      text += "\\\\";
    else
      text += c;
  }
  return text;
}

}  // namespace

bool ApplicationMetrics::check_part(Series& s, const std::string& sample) {
  if (sample.compare(0, s.family.size(), s.family) != 0) return false;
  s.part = sample.substr(s.family.size());
  switch (s.type) {
    case Type::counter:
      s.family += s.part;  // in this format the family has the name of its samples
      return std::exchange(s.part, "") == "_total";
    case Type::gauge:
      return s.part.empty() &&
             (!s.mode.ends_with("all") || !s.labels.contains("pid")) &&
             std::find(kModes.begin(), kModes.end(), s.mode) != kModes.end();
    case Type::summary:
      return s.part == "_sum" || s.part == "_count";
    case Type::histogram:
      break;
  }
  if (s.part != "_bucket") return s.part == "_sum" && !s.labels.contains("le");
  const auto le = s.labels.find("le");
  if (le == s.labels.end()) return false;
  const auto bound = bound_of(le->second);
  s.bound = bound.value_or(0);
  s.labels.erase(le);
  return bound.has_value();
}

ApplicationMetrics::Series ApplicationMetrics::parse(std::string text) {
  static const std::map<std::string, Type> types{{"counter", Type::counter},
                                                 {"gauge", Type::gauge},
                                                 {"histogram", Type::histogram},
                                                 {"summary", Type::summary}};
  Series s;
  s.text = std::move(text);
  try {
    const auto json = nlohmann::json::parse(s.text);
    if (!json.is_array() || json.size() != 6) return s;
    const auto type = types.find(json[0].get<std::string>());
    if (type == types.end()) return s;
    s.type = type->second;
    json[1].get_to(s.mode);
    json[2].get_to(s.family);
    if (!json[4].is_object()) return s;
    for (const auto& [key, value] : json[4].items()) {
      if (!is_name(key, false) || key.starts_with("__")) return s;
      s.labels.emplace(key, value.get<std::string>());
    }
    json[5].get_to(s.help);
    // Ours are of the server alone.
    s.valid = is_name(s.family, true) && !s.family.starts_with("monodon_") &&
              check_part(s, json[3].get<std::string>());
  } catch (const nlohmann::json::exception&) {
    s.valid = false;
  }
  return s;
}

void ApplicationMetrics::read_keys(std::size_t count) {
  series_.resize(count);
  std::vector<char> entries(count * kRegionEntrySize);
  if (!read_at(region_.get(), entries.data(), entries.size(), kRegionHeader)) return;
  for (std::size_t i = 0; i < count; ++i) {
    const char* const entry = entries.data() + i * kRegionEntrySize;
    std::uint32_t length = 0;
    std::memcpy(&length, entry, sizeof length);
    if (length > kRegionEntrySize - kKeyStart) length = 0;
    const std::string_view key{entry + kKeyStart, length};
    if (series_[i].text != key) series_[i] = parse(std::string{key});
  }
}

// Whether the cell says something.
bool ApplicationMetrics::counts(const Series& s, const Cell& cell, bool live) {
  if (cell.pid == 0) return false;
  if (s.type == Type::gauge) {
    // prometheus_client takes 0 for "never set" as well.
    const bool recent = s.mode.ends_with("mostrecent");
    return (live || !s.mode.starts_with("live")) && (!recent || cell.time > 0);
  }
  const bool whole =
      s.type == Type::counter || s.part == "_bucket" || s.part == "_count";
  return whole ? is_count(cell.value) : !std::isnan(cell.value);
}

void ApplicationMetrics::merge(const Series& s, const Cell& cell, Sample& sample) {
  if (s.type != Type::gauge) {
    if (s.part == "_bucket")
      sample.buckets[s.bound] += cell.value;
    else if (s.part == "_sum")
      sample.sum += cell.value;
    else if (s.part == "_count")
      sample.count += cell.value;
    else
      sample.value = sample.value.value_or(0) + cell.value;
    return;
  }
  const std::string_view mode =
      std::string_view{s.mode}.substr(s.mode.starts_with("live") ? 4 : 0);
  if (!sample.value || mode == "all")
    sample.value = cell.value;
  else if (mode == "sum")
    *sample.value += cell.value;
  else if (mode == "min")
    sample.value = std::min(*sample.value, cell.value);
  else if (mode == "max")
    sample.value = std::max(*sample.value, cell.value);
  else if (cell.time > sample.time)
    sample.value = cell.value;
  sample.time = std::max(sample.time, cell.time);
}

// Null: it would be one too many.
ApplicationMetrics::Sample* ApplicationMetrics::sample_for(const Series& s,
                                                           Family& family,
                                                           const Labels& labels) {
  // A bucket is a line of its own, with all labels.
  const bool full = samples_ >= kMostSamples || bytes_ + s.text.size() > kMostBytes;
  const auto found = family.samples.find(labels);
  if (full && (found == family.samples.end() || s.part == "_bucket")) return nullptr;
  ++samples_;
  bytes_ += s.text.size();
  return found == family.samples.end() ? &family.samples[labels] : &found->second;
}

void ApplicationMetrics::take(const Series& s, const Cell& cell, Target& target) {
  const bool each = s.type == Type::gauge && s.mode.ends_with("all");
  if (!std::exchange(target.looked_up, true)) {
    // One name, one meaning: the first to have it.
    const Series& first = *target.family->first;
    target.fits = first.type == s.type && first.mode == s.mode;
    if (target.fits && !each) target.sample = sample_for(s, *target.family, s.labels);
  }
  if (!target.fits) return;
  Sample* sample = target.sample;
  if (each && samples_ < kMostSamples) {
    Labels labels = s.labels;
    labels["pid"] = std::to_string(cell.pid);
    sample = sample_for(s, *target.family, labels);
  }
  if (sample != nullptr)
    merge(s, cell, *sample);
  else
    ++left_out_;
}

prometheus::MetricFamily ApplicationMetrics::finish(const std::string& name,
                                                    const Family& family) {
  prometheus::MetricFamily made;
  made.name = name;
  made.help = escaped_help(family.first->help);
  constexpr std::array kTypes = {
      prometheus::MetricType::Counter, prometheus::MetricType::Gauge,
      prometheus::MetricType::Histogram, prometheus::MetricType::Summary};
  made.type = kTypes.at(static_cast<std::size_t>(family.first->type));
  for (const auto& [labels, sample] : family.samples) {
    prometheus::ClientMetric& metric = made.metric.emplace_back();
    for (const auto& [key, value] : labels) metric.label.push_back({key, value});
    metric.counter.value = metric.gauge.value = sample.value.value_or(0);
    metric.summary.sample_sum = metric.histogram.sample_sum = sample.sum;
    metric.summary.sample_count = static_cast<std::uint64_t>(sample.count);
    double so_far = 0;
    for (const auto& [bound, count] : sample.buckets) {
      so_far += count;
      metric.histogram.bucket.push_back({static_cast<std::uint64_t>(so_far), bound});
    }
    metric.histogram.sample_count = static_cast<std::uint64_t>(so_far);
  }
  return made;
}

std::uint64_t ApplicationMetrics::dropped() const {
  std::uint64_t count = 0;
  if (!region_ || !read_at(region_.get(), &count, sizeof count, 16)) return 0;
  return count;
}

std::vector<prometheus::MetricFamily> ApplicationMetrics::read(
    std::span<const std::uint32_t> pids) {
  std::array<std::uint64_t, 2> header{};
  if (!region_ || !read_at(region_.get(), header.data(), sizeof header, 0) ||
      header[0] != kRegionMagic)
    return {};
  const std::size_t count = std::min<std::uint64_t>(header[1], kRegionEntries);
  if (count == 0) return {};
  read_keys(count);
  samples_ = bytes_ = left_out_ = 0;
  Families families;
  std::vector<Target> targets(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!series_[i].valid) continue;
    Family& family = families[series_[i].family];
    if (family.first == nullptr) family.first = &series_[i];
    targets[i].family = &family;
  }
  std::vector<Cell> column(count);
  for (std::size_t slot = 0; slot < std::min(pids.size(), kRegionSlots); ++slot) {
    if (!read_at(region_.get(), column.data(), count * kRegionCellSize,
                 kRegionColumns + slot * kRegionColumnSize))
      continue;
    for (std::size_t i = 0; i < count; ++i) {
      const Series& s = series_[i];
      const bool live = pids[slot] != 0 && column[i].pid == pids[slot];
      if (s.valid && counts(s, column[i], live)) take(s, column[i], targets[i]);
    }
  }
  std::vector<prometheus::MetricFamily> all;
  for (const auto& [name, family] : families)
    if (!family.samples.empty()) all.push_back(finish(name, family));
  return all;
}

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
// Rates and quantiles between two looks of top.
#include "cli/live/top_trend.h"

#include <algorithm>

namespace monodon::cli {
namespace {

using Buckets = std::array<std::uint64_t, scoreboard::kBuckets>;

// What happened between two looks, added up over slots.
struct Growth {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  Buckets durations{};
  std::uint64_t cpu_us = 0;
  bool cpu_known = false;
};

std::uint64_t failed_of(const scoreboard::Totals& totals) {
  return totals.responses[4] + totals.responses[5];
}

void add(Growth& growth, const SlotStatus& then, const SlotStatus& now) {
  const auto grown = [](std::uint64_t a, std::uint64_t b) { return b > a ? b - a : 0; };
  growth.requests += grown(then.totals.requests, now.totals.requests);
  growth.errors += grown(failed_of(then.totals), failed_of(now.totals));
  for (std::size_t c = 0; c < scoreboard::kClasses; ++c)
    for (std::size_t b = 0; b < scoreboard::kBuckets; ++b)
      growth.durations[b] +=
          grown(then.totals.duration[c][b], now.totals.duration[c][b]);
  // Another process began to count anew.
  if (now.serial == 0 || now.cpu_us == 0) return;
  growth.cpu_known = true;
  growth.cpu_us += grown(then.serial == now.serial ? then.cpu_us : 0, now.cpu_us);
}

Pace pace_of(const Growth& growth, std::uint64_t ns) {
  Pace pace;
  pace.p50 = quantile(growth.durations, 0.5);
  pace.p99 = quantile(growth.durations, 0.99);
  if (ns == 0) return pace;
  const double seconds = static_cast<double>(ns) / 1e9;
  pace.requests = static_cast<double>(growth.requests) / seconds;
  pace.errors = static_cast<double>(growth.errors) / seconds;
  if (growth.cpu_known) pace.cpu = static_cast<double>(growth.cpu_us) / 1e6 / seconds;
  return pace;
}

}  // namespace

double quantile(std::span<const std::uint64_t, scoreboard::kBuckets> counts, double q) {
  double total = 0;
  for (const std::uint64_t n : counts) total += static_cast<double>(n);
  if (total == 0) return -1;
  double left = q * total;
  double lower = 0;
  for (std::size_t i = 0; i < scoreboard::kBucketsUs.size(); ++i) {
    const auto n = static_cast<double>(counts[i]);
    const double upper = scoreboard::kBucketsUs[i];
    if (n > 0 && left <= n) return (lower + (upper - lower) * left / n) / 1e6;
    left -= n;
    lower = upper;
  }
  return lower / 1e6;  // above the last bound, by an unknown amount
}

void Trend::note(const ServerStatus& status) {
  // Another server: its counters have nothing to do with those of before.
  if (!looks_.empty() && status.now_ns < looks_.back().at_ns) looks_.clear();
  Look look;
  look.at_ns = status.now_ns;
  for (const SlotStatus& slot : status.slots)
    look.slots.insert_or_assign(slot.slot, slot);
  looks_.push_back(std::move(look));
  while (looks_.size() > 2 && looks_[1].at_ns + span_ns_ <= status.now_ns)
    looks_.pop_front();
}

Pace Trend::of(std::uint32_t slot) const {
  if (looks_.size() < 2) return {};
  const Look& then = looks_.front();
  const Look& now = looks_.back();
  const auto newest = now.slots.find(slot);
  if (newest == now.slots.end()) return {};
  Growth growth;
  const auto oldest = then.slots.find(slot);
  add(growth, oldest == then.slots.end() ? SlotStatus{} : oldest->second,
      newest->second);
  return pace_of(growth, now.at_ns - then.at_ns);
}

Pace Trend::of_all() const {
  if (looks_.size() < 2) return {};
  const Look& then = looks_.front();
  Growth growth;
  for (const auto& [slot, newest] : looks_.back().slots) {
    const auto oldest = then.slots.find(slot);
    add(growth, oldest == then.slots.end() ? SlotStatus{} : oldest->second, newest);
  }
  return pace_of(growth, looks_.back().at_ns - then.at_ns);
}

}  // namespace monodon::cli

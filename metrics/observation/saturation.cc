// SPDX-License-Identifier: Apache-2.0
// One number for how busy the server is.
#include "metrics/observation/saturation.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace monodon::metrics {
namespace {

constexpr double kSpanNs = 10e9;
constexpr std::uint64_t kOld = 1'000'000'000;  // ns

}  // namespace

void Saturation::note(const Capacity& now, std::uint64_t waiting,
                      std::uint64_t now_ns) {
  const double taken = static_cast<double>(now.busy + waiting);
  // Nobody serves: what waits, waits in vain.
  const double share = now.threads == 0
                           ? (waiting == 0 ? 0.0 : 1.0)
                           : std::min(taken / static_cast<double>(now.threads), 1.0);
  const auto passed = static_cast<double>(elapsed_ns(noted_ns_, now_ns));
  const double weight = noted_ns_ == 0 ? 1.0 : 1.0 - std::exp(-passed / kSpanNs);
  average_ += weight * (share - average_);
  full_ = now.saturated() && now.oldest_ns > kOld;
  noted_ns_ = now_ns;
}

}  // namespace monodon::metrics

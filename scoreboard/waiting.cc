// SPDX-License-Identifier: Apache-2.0
// How many requests wait inside of the workers.
#include "scoreboard/waiting.h"

#include <algorithm>

namespace monodon::scoreboard {
namespace {

constexpr std::uint64_t kMost = 1U << 20U;  // of what a page says

}  // namespace

void WaitingInside::note(const WorkerReport& worker) noexcept {
  if (!is_full(worker)) {
    is_any_free_ = true;
    return;
  }
  here_ += std::min(worker.waiting_here, kMost);
  between_ = std::max(between_, std::min(worker.waiting_between, kMost));
}

std::uint64_t WaitingInside::count(const Totals& sum) const noexcept {
  // Whoever is free takes what is between workers at once.
  if (is_any_free_ || between_ == 0) return here_;
  const std::uint64_t under_way =
      sum.handed_out > sum.handed_in ? sum.handed_out - sum.handed_in : 0;
  return here_ + std::min(between_, std::max<std::uint64_t>(under_way, 1));
}

}  // namespace monodon::scoreboard

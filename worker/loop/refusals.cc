// SPDX-License-Identifier: Apache-2.0
// How often the log is told that requests are refused.
#include "worker/loop/refusals.h"

#include <algorithm>
#include <utility>

namespace monodon::worker {

Refusals::Verdict Refusals::note(std::string_view reason, std::uint64_t now_ns) {
  const std::lock_guard lock{mutex_};
  const auto known = std::ranges::find(reasons_, reason, &Reason::text);
  if (known == reasons_.end()) {
    reasons_.push_back({reason, now_ns, 0});
    return {true, 0};
  }
  if (now_ns - known->told_ns < kPauseNs) {
    ++known->untold;
    return {};
  }
  known->told_ns = now_ns;
  return {true, std::exchange(known->untold, 0)};
}

}  // namespace monodon::worker

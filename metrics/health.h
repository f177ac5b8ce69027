// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "metrics/observer.h"

namespace monodon::metrics {

struct Verdict {
  bool good = false;
  std::string text;  // one line, for people
};

// /-/healthy: the master lives and its loop turns.
[[nodiscard]] Verdict healthy(const Sight& sight);

// /-/ready: healthy, not stopping, and at least `wanted` workers serve and show signs
// of life. Workers that are all busy are ready: what waits is told by the metrics.
[[nodiscard]] Verdict ready(const Sight& sight, std::uint32_t wanted);

}  // namespace monodon::metrics

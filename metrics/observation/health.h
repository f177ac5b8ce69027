// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "metrics/observation/observer.h"

namespace monodon::metrics {

struct Verdict {
  bool good = false;
  std::string text;  // one line, for people
};

// /-/healthy: the master lives and its loop turns.
[[nodiscard]] Verdict healthy(const Sight& sight);

// What of the workers can serve at this moment.
struct Capacity {
  std::uint32_t serving = 0;    // workers that serve and move
  std::uint32_t hanging = 0;    // that the master still counts, and that do not move
  std::uint32_t threads = 0;    // of those that serve
  std::uint32_t busy = 0;       // of these threads, running a request
  std::uint64_t waiting = 0;    // connections inside of them that no thread is free for
  std::uint64_t oldest_ns = 0;  // how long the oldest of these requests has run

  // Every thread runs a request: what comes now waits. A state of its own, not a
  // failure: a balancer that takes saturated servers out makes the others fall as well.
  [[nodiscard]] bool saturated() const { return threads != 0 && busy == threads; }
};
[[nodiscard]] Capacity capacity(const Sight& sight);

// /-/ready: healthy, not stopping, and at least `wanted` workers serve and move. A
// saturated server is ready, and the text says so.
[[nodiscard]] Verdict ready(const Sight& sight, std::uint32_t wanted);

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "metrics/observation/health.h"

namespace monodon::metrics {

// How much of what the server can do at once is taken, as one number from 0 to 1, for
// balancers and autoscalers: requests that run and connections that wait, for each
// thread, averaged over some ten seconds. While every thread runs a request and the
// oldest of them is older than a second it is 1 at once: a dead-lock or a database that
// hangs must not take ten seconds to be seen. Pure.
class Saturation {
 public:
  // Once a second or so. `waiting`: connections in the listen queues.
  void note(const Capacity& now, std::uint64_t waiting, std::uint64_t now_ns);
  [[nodiscard]] double value() const { return full_ ? 1.0 : average_; }
  [[nodiscard]] bool is_full() const { return value() > 0.99; }

 private:
  double average_ = 0;
  bool full_ = false;
  std::uint64_t noted_ns_ = 0;  // 0: never
};

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "scoreboard/page_view.h"
#include "scoreboard/totals.h"

namespace monodon::scoreboard {

// Connections that workers have accepted and whose requests wait for a thread: they are
// in no listen queue any more. Made of what the pages of all workers that serve say, so
// it is as old as a keeper's round (50 ms). Readers of pages; pure.
class WaitingInside {
 public:
  // Of each worker that serves.
  void note(const WorkerReport& worker) noexcept;
  // `sum`: of all workers there ever were.
  [[nodiscard]] std::uint64_t count(const Totals& sum) const noexcept;

 private:
  std::uint64_t here_ = 0;
  std::uint64_t between_ = 0;
  bool is_any_free_ = false;
};

}  // namespace monodon::scoreboard

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace monodon {

// How much the workers of one generation may hold in spool files together: one number
// for each slot, in memory that they share. A worker counts its own; the total is the
// sum. So what a killed worker had counted is gone with it.
//
// One for each process, made by the zygote before it forks. Without one (tests, tools)
// there is no limit. Any thread.
class SpoolBudget {
 public:
  // Zygote, before it forks. `limit`: bytes. Without memory for it there is no limit.
  static void open(std::uint64_t limit) noexcept;
  // Worker, after the fork, with its slot.
  static void begin(std::uint32_t slot) noexcept;

  // False: it would be more than the limit; nothing is taken.
  [[nodiscard]] static bool take(std::uint64_t bytes) noexcept;
  static void give(std::uint64_t bytes) noexcept;
};

}  // namespace monodon

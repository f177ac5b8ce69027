// SPDX-License-Identifier: Apache-2.0
// Durations as people say them.
#include "base/text/spell.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace monodon {

std::string spell(Clock::duration duration) {
  const std::int64_t ms = std::max<std::int64_t>(
      std::chrono::round<std::chrono::milliseconds>(duration).count(), 0);
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (const std::int64_t tenths = (ms + 50) / 100; tenths < 100)
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
  const std::int64_t s = (ms + 50) / 1000;
  if (s < 120) return std::to_string(s) + " s";
  if (s < 2 * 3600) return std::to_string(s / 60) + " min";
  return std::to_string(s / 3600) + " h";
}

}  // namespace monodon

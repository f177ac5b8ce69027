// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "worker/wire/settings.h"

namespace monodon::worker {

// After how many requests the worker with this serial retires: max_requests plus a
// part of max_requests_jitter that differs from worker to worker, so that workers
// started together do not leave together. 0: never. Pure.
[[nodiscard]] constexpr std::uint64_t retire_after(const Settings& settings,
                                                   std::uint32_t serial) {
  if (settings.max_requests == 0) return 0;
  if (settings.max_requests_jitter == 0) return settings.max_requests;
  // A multiplicative hash: neighbouring serials land far apart.
  const std::uint64_t scattered = (serial + 1) * 0x9e3779b97f4a7c15ULL >> 33U;
  return settings.max_requests + scattered % (settings.max_requests_jitter + 1);
}

}  // namespace monodon::worker

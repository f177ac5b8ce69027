// SPDX-License-Identifier: Apache-2.0
// How many cores there are for us: affinity and control groups.
#include "base/machine/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

namespace monodon {
namespace {

unsigned of_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

// 0: no quota. "max 100000" of version 2 is none, nor is the -1 of version 1.
unsigned quota_of(const std::string& group) {
  std::int64_t quota = 0;
  std::int64_t period = 0;
  if (!(std::ifstream{group + "/cpu.max"} >> quota >> period)) {
    if (!(std::ifstream{group + "/cpu.cfs_quota_us"} >> quota) ||
        !(std::ifstream{group + "/cpu.cfs_period_us"} >> period))
      return 0;
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<unsigned>(
      std::clamp<std::int64_t>((quota + period - 1) / period, 1, 1024));
}

}  // namespace

unsigned usable_cores(const ControlGroups& groups) {
  unsigned cores = of_affinity();
  for (const std::string& group : groups.directories("cpu"))
    if (const unsigned quota = quota_of(group)) cores = std::min(cores, quota);
  return cores;
}

}  // namespace monodon

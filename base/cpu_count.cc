// SPDX-License-Identifier: Apache-2.0
// How many cores there are for us: affinity and control groups.
#include "base/cpu_count.h"

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

// "0::/system.slice/site.service": the path after the second colon.
std::string group_of(const std::string& own_groups) {
  std::ifstream file{own_groups};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "/";
}

// 0: no quota.
unsigned quota_of(const std::string& group) {
  std::ifstream file{group + "/cpu.max"};
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  if (!(file >> quota >> period) || period == 0) return 0;  // "max 100000"
  return static_cast<unsigned>(
      std::clamp<std::uint64_t>((quota + period - 1) / period, 1, 1024));
}

}  // namespace

unsigned usable_cores(const std::string& own_groups, const std::string& tree) {
  unsigned cores = of_affinity();
  for (std::string group = group_of(own_groups);;
       group = group.substr(0, group.rfind('/'))) {
    if (group == "/") group.clear();
    if (const unsigned quota = quota_of(tree + group)) cores = std::min(cores, quota);
    if (group.find('/') == std::string::npos) return cores;
  }
}

}  // namespace monodon

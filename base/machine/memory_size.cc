// SPDX-License-Identifier: Apache-2.0
// How much memory there is for us: the machine's, and the limits of control groups.
#include "base/machine/memory_size.h"

#include <algorithm>
#include <fstream>
#include <limits>

namespace monodon {
namespace {

std::uint64_t of_machine(const std::string& meminfo) {
  std::ifstream file{meminfo};
  std::string word;
  for (std::uint64_t kib = 0; file >> word;)
    if (word == "MemTotal:" && file >> kib) return kib * 1024;
  return 0;
}

// 0: none. Version 1 says a number near 2^63, and version 2 the word max.
std::uint64_t limit_of(const std::string& group) {
  for (const char* const name : {"/memory.max", "/memory.limit_in_bytes"}) {
    std::uint64_t bytes = 0;
    if (std::ifstream{group + name} >> bytes) return bytes;
  }
  return 0;
}

}  // namespace

std::uint64_t usable_memory(const ControlGroups& groups, const std::string& meminfo) {
  constexpr auto kNone = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes = of_machine(meminfo);
  if (bytes == 0) bytes = kNone;
  for (const std::string& group : groups.directories("memory"))
    if (const std::uint64_t limit = limit_of(group)) bytes = std::min(bytes, limit);
  // Without /proc, version 1's "no limit" is none either.
  return bytes >= kNone / 4 ? 0 : bytes;
}

}  // namespace monodon

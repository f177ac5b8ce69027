// SPDX-License-Identifier: Apache-2.0
// What this process takes in memory, as /proc tells it.
#include "base/machine/memory.h"

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace monodon {

namespace {

// "Pss:     1234 kB" of a file in /proc, in bytes; 0 if there is no such line.
std::uint64_t kilobytes(const std::string& file, std::string_view key) {
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t digit = line.find_first_of("0123456789");
    if (digit == std::string::npos) return 0;
    std::uint64_t value = 0;
    (void)std::from_chars(line.data() + digit, line.data() + line.size(), value);
    return value * 1024;
  }
  return 0;
}

}  // namespace

std::uint64_t pss_bytes(std::string_view pid) {
  const std::string directory = "/proc/" + std::string{pid};
  const std::uint64_t pss = kilobytes(directory + "/smaps_rollup", "Pss:");
  return pss != 0 ? pss : kilobytes(directory + "/status", "VmRSS:");
}

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
// The memory that the cgroup leaves us, read from its files.
#include "master/system/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

namespace monodon::master {

namespace {

// Of "max", of a file that is not there, and of version 1 without a limit, which says
// so with a number near 2^63: no number.
std::optional<std::uint64_t> number_in(std::string_view text) {
  constexpr std::uint64_t kNoLimit = 1ULL << 60;
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value >= kNoLimit) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  return std::getline(file, line) ? number_in(line) : std::nullopt;
}

std::uint64_t read_row(const std::string& path, std::string_view name) {
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name)) return number_in(line.substr(name.size())).value_or(0);
  return 0;
}

}  // namespace

std::optional<MemoryUse> read_memory_use(const std::string& directory) {
  std::optional<std::uint64_t> limit;
  for (const char* name : {"/memory.max", "/memory.high", "/memory.limit_in_bytes"})
    if (const auto one = read_number(directory + name))
      limit = std::min(limit.value_or(*one), *one);
  auto used = read_number(directory + "/memory.current");
  if (!used) used = read_number(directory + "/memory.usage_in_bytes");
  if (!limit || !used) return std::nullopt;
  const std::string rows = directory + "/memory.stat";
  const std::uint64_t cache = std::max(read_row(rows, "inactive_file "),
                                       read_row(rows, "total_inactive_file "));
  return MemoryUse{*used - std::min(cache, *used), *limit};
}

bool is_short(const MemoryUse& use) {
  return use.used > use.limit / 10 * 9;
}

}  // namespace monodon::master

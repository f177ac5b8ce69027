// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace monodon::master {

// What a cgroup has and may have, in bytes, as its files say (Documentation/admin-guide
// of Linux: cgroup-v2, cgroup-v1/memory). nullopt: no limit, or nothing can be read.
struct MemoryUse {
  std::uint64_t used = 0;  // without the page cache that nobody has asked for lately
  std::uint64_t limit = 0;
};
std::optional<MemoryUse> read_memory_use(const std::string& directory);

// Less than a tenth of the limit is left. Pure.
[[nodiscard]] bool is_short(const MemoryUse& use);

}  // namespace monodon::master

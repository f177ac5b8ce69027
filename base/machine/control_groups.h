// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace monodon {

// Where this process's control groups are told and shown; the paths are for tests.
struct ControlGroups {
  std::string own = "/proc/self/cgroup";
  std::string tree = "/sys/fs/cgroup";

  // The directories that may hold limits of a controller ("cpu", "memory"): those of
  // our own group and of each one above it, of version 2 and of version 1. Not all of
  // them need exist: a container sees its own group as the root. cgroups(7).
  [[nodiscard]] std::vector<std::string> directories(std::string_view controller) const;
};

}  // namespace monodon

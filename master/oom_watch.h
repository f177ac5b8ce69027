// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace monodon::master {

// Tells whether the kernel's OOM killer struck in our own cgroup (version 2), by the
// counter oom_kill of memory.events. Says no where there is no such file.
class OomWatch {
 public:
  // `events`: the path of memory.events; "" finds it by /proc/self/cgroup.
  explicit OomWatch(std::string events = {});

  // True if the counter rose since the last call (or the construction).
  bool struck();

 private:
  [[nodiscard]] std::uint64_t read() const;
  std::string events_;
  std::uint64_t seen_;
};

}  // namespace monodon::master

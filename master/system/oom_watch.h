// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace monodon::master {

// Where the kernel counts, for the cgroup of `cgroups` (/proc/self/cgroup), whom its
// OOM killer has killed: memory.events, or memory.oom_control where the controller
// `memory` is of cgroup version 1; both have a line "oom_kill N"
// (Documentation/admin-guide of Linux: cgroup-v2, cgroup-v1/memory). "" if neither can
// be read below `root`.
std::string find_oom_counter(std::string_view cgroups, const std::string& root);

// Tells a SIGKILL of the kernel's OOM killer from one of somebody else. Each kill that
// the kernel counts explains one death, for some seconds: what it killed beside our
// workers (a child of the application) must not explain the death of another day.
class OomWatch {
 public:
  // `counter`: the file to read; "" finds it. Without one it explains nothing.
  explicit OomWatch(std::string counter = {});

  // Takes notice of what was killed; at least once a second. A read of one small file,
  // at most once a second.
  void look(Clock::time_point now);

  // The directory of the cgroup; "" where there is none.
  [[nodiscard]] std::string directory() const;

  // Whether the kernel killed the process that has just died of SIGKILL.
  bool explains_death(Clock::time_point now);

 private:
  [[nodiscard]] std::uint64_t read() const;
  void count(Clock::time_point now);

  std::string counter_;
  std::uint64_t seen_;
  std::uint64_t unexplained_ = 0;  // kills without a death that they explain
  Clock::time_point killed_at_{};
  Clock::time_point looked_at_{};
};

}  // namespace monodon::master

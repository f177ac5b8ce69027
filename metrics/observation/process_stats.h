// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace monodon::metrics {

// Processor time in microseconds, with that of ended children, from /proc/PID/stat
// (proc(5)), in steps of 10 ms. 0: there is no such process, or `parent` is not its
// parent: the pid belongs to somebody else by now. parent 0: any.
[[nodiscard]] std::uint64_t read_cpu_us(std::uint32_t pid, std::uint32_t parent);

// The same without that of children.
[[nodiscard]] std::uint64_t read_own_cpu_us(std::uint32_t pid);

// Resident memory in bytes, from /proc/PID/statm; 0: there is no such process.
[[nodiscard]] std::uint64_t read_rss_bytes(std::uint32_t pid);

// Looks at the PSS of processes, in a thread of its own: the kernel takes the lock of
// the other's memory for it, and whoever waits for a dead disk holds that lock. Looks
// only when it is asked, and at the same processes every few seconds at most.
class PssSampler {
 public:
  PssSampler();

  // Whom to look at from now on, and what was last seen of them, in bytes by pid; 0:
  // not known yet. Never waits for a look that is under way.
  [[nodiscard]] std::map<std::uint32_t, std::uint64_t> exchange(
      const std::vector<std::uint32_t>& pids);

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::uint32_t, std::uint64_t> seen_;
  bool due_ = false;               // somebody waits for a look
  Clock::time_point looked_at_{};  // last
  std::jthread thread_;            // last: the others are there when it begins
};

}  // namespace monodon::metrics

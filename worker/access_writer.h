// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "base/log_file.h"
#include "worker/access_log.h"
#include "worker/settings.h"

namespace monodon::worker {

// The access log of one worker: lines of all threads, gathered while requests come one
// after the other and written when the worker would wait, or when 32 KiB are there.
// Any thread of the worker.
class AccessWriter {
 public:
  // A format that does not compile was refused with the configuration; a file that
  // cannot be opened is told in the error log, and the worker serves without.
  explicit AccessWriter(const Settings& settings);

  [[nodiscard]] bool enabled() const noexcept { return enabled_; }
  void add(const AccessRecord& record);
  // Whether flush() has something to do. May be a moment late.
  [[nodiscard]] bool pending() const noexcept {
    return pending_.load(std::memory_order_relaxed);
  }
  void flush();
  void reopen();
  [[nodiscard]] std::uint64_t dropped();

 private:
  std::mutex mutex_;
  AccessFormat format_;
  LogFile file_;
  std::string line_;
  bool enabled_ = false;
  std::atomic<bool> pending_{false};
};

}  // namespace monodon::worker

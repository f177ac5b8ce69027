// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/log/log_file.h"
#include "base/log/syslog.h"
#include "worker/access/access_log.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// The access log of one worker: lines of all threads, gathered and written when 32 KiB
// are there, when the worker would wait and has not written for 10 ms, or by the keeper
// some 50 ms later. Any thread of the worker.
class AccessWriter {
 public:
  // A format that does not compile was refused with the configuration; a file that
  // cannot be opened is told in the error log, and the worker serves without.
  explicit AccessWriter(const Settings& settings);

  [[nodiscard]] bool enabled() const noexcept { return enabled_; }
  void add(const AccessRecord& record, std::uint64_t now_ns);
  // A line of the application's own, without its newline.
  void add(std::string_view text, std::uint64_t now_ns);
  // Whether flush() has something to do. May be a moment late.
  [[nodiscard]] bool pending() const noexcept {
    return pending_.load(std::memory_order_relaxed);
  }
  // Whether the lines have waited for long enough: one system call for many of them.
  [[nodiscard]] bool due() const noexcept {
    return pending() && last_ns_.load(std::memory_order_relaxed) -
                                flushed_ns_.load(std::memory_order_relaxed) >=
                            kPauseNs;
  }
  void flush();
  void reopen();
  [[nodiscard]] std::uint64_t dropped();

 private:
  static constexpr std::uint64_t kPauseNs = 10'000'000;

  void write_line(std::uint64_t now_ns);
  void tell_loss();

  std::mutex mutex_;
  AccessFormat format_;
  LogFile file_;
  Syslog syslog_;
  ByteBuffer line_;
  bool enabled_ = false;
  bool losing_ = false;     // at the last look
  bool loss_told_ = false;  // and its end is still to be told
  std::uint64_t dropped_told_ = 0;
  std::uint64_t quiet_until_ns_ = 0;  // of losses that come and go
  std::atomic<bool> pending_{false};
  std::atomic<std::uint64_t> last_ns_{0};  // of the newest line, CLOCK_MONOTONIC
  std::atomic<std::uint64_t> flushed_ns_{0};
};

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon {

// A place that log lines go to and that never makes its writer wait.
//
// A regular file is appended to. A pipe, terminal or socket (journald's stream) is
// written without blocking: a pipe is opened anew through /proc/self/fd so that
// O_NONBLOCK does not reach its other users, a socket gets MSG_DONTWAIT. What does
// not fit is kept up to `kBuffer`, then whole lines are dropped and counted; when
// there is room again, one line says how many are missing. EPIPE and full disks count
// as dropped too; SIGPIPE is never raised.
//
// Not thread-safe. After fork each process has its own buffer: flush() before.
class LogFile {
 public:
  static constexpr std::size_t kBuffer = 64 * 1024;

  // "-" is `standard_fd` (1 or 2), "" is nothing at all, else a path (created 0640,
  // O_APPEND).
  static Result<LogFile> open(const std::string& path, int standard_fd);

  LogFile() = default;  // swallows everything
  LogFile(LogFile&&) noexcept = default;
  LogFile& operator=(LogFile&&) noexcept = default;

  // Whole lines, newline included. Written at once (write) or kept until flush(),
  // or until half of the buffer is full (buffer).
  void write(std::string_view lines);
  void buffer(std::string_view lines);
  void flush();

  // Opens the path again (after logrotate). Keeps the old file when that fails.
  Outcome reopen();

  [[nodiscard]] bool enabled() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  enum class Sort : std::uint8_t { file, pipe, socket };
  std::string path_;
  int standard_fd_ = -1;
  UniqueFd fd_;
  Sort sort_ = Sort::file;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  std::uint64_t unreported_ = 0;
};

}  // namespace monodon

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
// all that was kept is out, one line says how many are missing. EPIPE
// and full disks count as dropped too; SIGPIPE and SIGXFSZ are never raised.
//
// What is kept goes out with the next write() or flush(): nothing here waits for room.
// Not thread-safe. After fork each process has its own buffer: flush() before, and
// forget() in the child, or what could not be flushed is written twice.
class LogFile {
 public:
  static constexpr std::size_t kBuffer = 64 * 1024;

  // "-" is `standard_fd` (1 or 2), "" is nothing at all, else a path (created with the
  // mode that the umask leaves, O_APPEND).
  static Result<LogFile> open(const std::string& path, int standard_fd);

  LogFile() = default;  // swallows everything
  LogFile(LogFile&&) noexcept = default;
  LogFile& operator=(LogFile&&) noexcept = default;

  // Whole lines, newline included. Written at once (write) or kept until flush(),
  // or until half of the buffer is full (buffer).
  void write(std::string_view lines);
  void buffer(std::string_view lines);
  void flush();
  void forget() noexcept;

  // The line, newline included, that stands for `missing` dropped ones. Must suit the
  // format of the other lines; the default is a comment that begins with "#".
  using Notice = std::string (*)(std::uint64_t missing);
  void set_notice(Notice notice) noexcept { notice_ = notice; }

  // Opens the path again (after logrotate). Keeps the old file when that fails.
  Outcome reopen();

  [[nodiscard]] bool enabled() const noexcept { return static_cast<bool>(fd_); }
  // Why lines are lost at present, as errno (EAGAIN: nobody reads); 0: they are not.
  // What was lost is then still to be told in the file itself.
  [[nodiscard]] int losing() const noexcept { return unreported_ == 0 ? 0 : loss_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }   // "-"
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }  // lines
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  // shared: a pipe or terminal that could not be opened anew (another user's), so
  // that it still blocks and is asked before each small piece.
  enum class Sort : std::uint8_t { file, pipe, shared, socket };

  Outcome attach(UniqueFd fd, bool may_share);
  struct Progress {
    std::size_t written = 0;
    bool lost = false;  // no later attempt would do better; else the rest has to wait
  };
  Progress put(std::string_view text);
  bool report_missing();
  long write_some(std::string_view text) const;
  void drop(std::string_view lines);

  std::string path_;
  UniqueFd fd_;
  Sort sort_ = Sort::file;
  Notice notice_ = nullptr;
  std::string pending_;  // may begin in the middle of a line
  bool torn_ = false;    // the last byte that went out was not a newline
  std::uint64_t dropped_ = 0;
  std::uint64_t unreported_ = 0;
  int loss_ = 0;  // errno of the last write that took less than all
};

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
// A log file that is reopened after rotation and never makes its writer wait.
#include "base/log/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <optional>

namespace monodon {
namespace {

// Keeps the signals of a failed write(2) from the process: EPIPE and EFBIG say the
// same. The library may live in a process whose dispositions are not ours to change.
class QuietWrite {
 public:
  QuietWrite() noexcept {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGPIPE);
    ::sigaddset(&set_, SIGXFSZ);
    (void)::pthread_sigmask(SIG_BLOCK, &set_, &old_);
  }
  ~QuietWrite() { (void)::pthread_sigmask(SIG_SETMASK, &old_, nullptr); }
  QuietWrite(const QuietWrite&) = delete;
  QuietWrite& operator=(const QuietWrite&) = delete;

  // After a write that failed: both signals are sent to this thread, so that one of
  // them is pending here and nowhere else.
  void take() const noexcept {
    const timespec at_once{};
    while (::sigtimedwait(&set_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }

 private:
  sigset_t set_{};
  sigset_t old_{};
};

std::string default_notice(std::uint64_t missing) {
  return "# " + std::to_string(missing) + (missing == 1 ? " line is" : " lines are") +
         " missing here: the log was not read, or could not be written\n";
}

std::uint64_t count_lines(std::string_view text) noexcept {
  const auto ends = std::count(text.begin(), text.end(), '\n');
  const bool open_end = !text.empty() && text.back() != '\n';
  return static_cast<std::uint64_t>(ends) + (open_end ? 1U : 0U);
}

// The standard descriptors have names too; opening those fails where it is a socket.
std::optional<int> standard_of(const std::string& path, int standard_fd) {
  if (path == "-") return standard_fd;
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  return std::nullopt;
}

Result<UniqueFd> open_path(const std::string& path) {
  constexpr int kFlags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  constexpr mode_t kMode = 0666;  // without the bits of the umask
  UniqueFd fd{::open(path.c_str(), O_WRONLY | kFlags, kMode)};
  if (!fd && errno == ENXIO) {
    // A FIFO that nobody reads yet: with a reading end of our own it opens, and holds
    // what fits until somebody does (fifo(7)).
    fd.reset(::open(path.c_str(), O_RDWR | kFlags, kMode));
  }
  if (!fd) return last_error("open log file " + path);
  return fd;
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& path, int standard_fd) {
  LogFile log;
  log.path_ = path;
  if (path.empty()) return log;
  if (const auto number = standard_of(path, standard_fd)) {
    UniqueFd fd{::fcntl(*number, F_DUPFD_CLOEXEC, 3)};
    if (!fd) return last_error("use descriptor " + std::to_string(*number) + " as log");
    log.path_ = "-";
    if (auto done = log.attach(std::move(fd), true); !done) return done.error();
    return log;
  }
  auto fd = open_path(path);
  if (!fd) return fd.error();
  if (auto done = log.attach(std::move(fd).value(), false); !done) return done.error();
  return log;
}

Outcome LogFile::attach(UniqueFd fd, bool may_share) {
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return last_error("look at log " + path_);
  Sort sort = Sort::file;
  if (S_ISSOCK(about.st_mode)) {
    sort = Sort::socket;
  } else if (S_ISFIFO(about.st_mode) || ::isatty(fd.get()) == 1) {
    sort = Sort::pipe;
    if (may_share) {
      // O_NONBLOCK belongs to the open file, which the shell or the next program has
      // too: a file of our own is opened through the link. Another user's pipe
      // refuses that (EACCES).
      const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
      UniqueFd own{::open(link.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)};
      if (own) {
        fd = std::move(own);
      } else {
        sort = Sort::shared;
      }
    }
  }
  fd_ = std::move(fd);
  sort_ = sort;
  return ok();
}

// One write that does not wait; returns like write(2).
long LogFile::write_some(std::string_view text) const {
  if (sort_ == Sort::socket)
    return ::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  std::size_t size = text.size();
  if (sort_ == Sort::shared) {
    // POLLOUT promises room for PIPE_BUF bytes. Another writer may take it in between;
    // that is the part of the promise that a shared pipe cannot give.
    pollfd ready{fd_.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0) {
      errno = EAGAIN;
      return -1;
    }
    size = std::min<std::size_t>(size, PIPE_BUF);
  }
  const QuietWrite quiet;
  const long written = ::write(fd_.get(), text.data(), size);
  if (written < 0 && (errno == EPIPE || errno == EFBIG)) {
    const int code = errno;
    quiet.take();
    errno = code;
  }
  return written;
}

LogFile::Progress LogFile::put(std::string_view text) {
  Progress progress;
  while (progress.written < text.size()) {
    const long written = write_some(text.substr(progress.written));
    if (written > 0) {
      progress.written += static_cast<std::size_t>(written);
      torn_ = text[progress.written - 1] != '\n';
    } else if (written == 0 || errno == EAGAIN || errno == ENOBUFS) {
      loss_ = EAGAIN;
      return progress;
    } else if (errno != EINTR) {
      loss_ = errno;
      progress.lost = true;
      return progress;
    }
  }
  return progress;
}

void LogFile::drop(std::string_view lines) {
  const std::uint64_t missing = count_lines(lines);
  dropped_ += missing;
  unreported_ += missing;
}

// After a loss: whether the line that tells of it is out (or nothing was lost). It
// waits until the buffer is empty, so that it stands where the lines are missing, and
// losses come in few, long runs.
bool LogFile::report_missing() {
  if (unreported_ == 0) return true;
  flush();
  if (!pending_.empty()) return false;
  std::string line = torn_ ? "\n" : "";
  line += notice_ != nullptr ? notice_(unreported_) : default_notice(unreported_);
  const Progress progress = put(line);
  if (progress.lost || progress.written == 0) return false;
  pending_.assign(line, progress.written);
  unreported_ = 0;
  return true;
}

void LogFile::write(std::string_view lines) {
  if (!fd_ || lines.empty()) return;
  flush();
  if (!report_missing()) {
    drop(lines);
    return;
  }
  if (!pending_.empty()) {
    buffer(lines);
    return;
  }
  const Progress progress = put(lines);
  const std::string_view rest = lines.substr(progress.written);
  if (progress.lost || rest.size() > kBuffer) {
    drop(rest);
  } else {
    pending_ = rest;
  }
}

void LogFile::buffer(std::string_view lines) {
  if (!fd_ || lines.empty()) return;
  if (pending_.size() + lines.size() > kBuffer) flush();
  if (!report_missing() ||
      (pending_.size() + lines.size() > kBuffer && !pending_.empty())) {
    drop(lines);
    return;
  }
  pending_ += lines;
  if (pending_.size() >= kBuffer / 2) flush();
}

void LogFile::flush() {
  if (!fd_ || pending_.empty()) return;
  const Progress progress = put(pending_);
  if (progress.lost) drop(std::string_view{pending_}.substr(progress.written));
  pending_.erase(0, progress.lost ? pending_.size() : progress.written);
}

void LogFile::forget() noexcept {
  pending_.clear();
  dropped_ = 0;
  unreported_ = 0;
}

Outcome LogFile::reopen() {
  if (!fd_ || path_ == "-") return ok();
  auto fd = open_path(path_);
  if (!fd) return fd.error();
  flush();
  drop(pending_);
  pending_.clear();
  torn_ = false;
  return attach(std::move(fd).value(), false);
}

}  // namespace monodon

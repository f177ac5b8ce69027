// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <utility>

namespace monodon {

// Sole owner of one file descriptor. Owning is all it does: no reading, no flags.
//
// A default or moved-from UniqueFd owns nothing and get() is -1. After fork() both
// processes own a copy: what a worker keeps is the list in worker/wire/heritage.h, the
// rest is closed by number, and no destructor of the master's objects runs in a
// child (a child leaves through _exit).
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_{fd} {}
  UniqueFd(UniqueFd&& other) noexcept : fd_{other.release()} {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  // close() is never retried: on Linux the number is free again even after EINTR.
  void reset(int fd = -1) noexcept {
    if (const int old = std::exchange(fd_, fd); old >= 0) (void)::close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "base/unique_fd.h"

namespace monodon {

// The master's end of a Unix socket whose other end others have, workers or clients,
// and of which nobody else has a descriptor. Like UniqueFd, but closing it never waits:
// where the kernel does not refuse descriptors (base/process/passed_fds.h) some may be
// in its queue, and it is closed elsewhere. Master only, its thread.
class GuardedSocket {
 public:
  GuardedSocket() noexcept = default;
  GuardedSocket(UniqueFd fd) noexcept : fd_{std::move(fd)} {}
  GuardedSocket(GuardedSocket&&) noexcept = default;
  GuardedSocket& operator=(GuardedSocket&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::move(other.fd_);
    }
    return *this;
  }
  ~GuardedSocket() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  void reset() noexcept;

 private:
  UniqueFd fd_;
};

}  // namespace monodon

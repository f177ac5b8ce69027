// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "base/unique_fd.h"

namespace monodon::worker {

// An epoll set that one thread waits for, and the way to end its wait. The leader has
// one, the keeper another. Any thread may call everything but wait() and woken().
class EventSet {
 public:
  // `wake_tag` goes into epoll_event.data once wake() was called. Throws
  // std::system_error.
  explicit EventSet(std::uint64_t wake_tag);

  // Throws std::system_error. Without a descriptor (-1) nothing happens: a worker
  // without a master, in benchmarks and tests.
  void watch(int fd, std::uint64_t tag, std::uint32_t events);
  // False with errno set. `operation` as in epoll_ctl(2).
  [[nodiscard]] bool control(int operation, int fd, std::uint32_t events, void* ptr);
  void unwatch(int fd) noexcept;

  // As epoll_wait(2), -1 and errno included.
  int wait(std::span<epoll_event> events, int timeout_ms);

  void wake() noexcept;   // async-signal-safe
  void woken() noexcept;  // forgets what wake() did until now

  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
  void let_go() noexcept;  // in a child of this process: closes both descriptors

 private:
  UniqueFd epoll_;
  UniqueFd wake_;
};

}  // namespace monodon::worker

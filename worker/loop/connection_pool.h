// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/loop/connection.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// Connections at addresses that never change and are never given back, so that an
// epoll event for one that closed meanwhile finds an object it can tell to be closed,
// and the keeper can look over all of them without a lock.
//
// take() and give() may be called by any thread; each() by the keeper.
class ConnectionPool {
 public:
  explicit ConnectionPool(const Settings& settings) : settings_{settings} {}

  // An owned, empty connection. Null when kMost exist.
  Connection* take();
  // Closes what is open, without waiting. The caller owns it. Where another process may
  // hold the connection as well, it is shut down, so that it ends for its client now;
  // not if it was `moved`: then another worker goes on with it.
  void give(Connection& connection, bool moved = false);

  // Calls `f(connection)` for every object there ever was, closed ones included.
  template <typename F>
  void each(F f) {
    const std::size_t chunks = chunks_used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < chunks; ++i)
      for (auto& c : chunks_[i]->items) f(*c);
  }

  [[nodiscard]] std::size_t open() const noexcept {
    return open_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kChunk = 32;
  static constexpr std::size_t kMostChunks = 4096;
  struct Chunk {
    std::array<std::unique_ptr<Connection>, kChunk> items;
  };
  bool grow();

  const Settings& settings_;
  std::atomic<Connection*> spare_{nullptr};  // the last one given: nearly always enough
  std::mutex mutex_;
  std::vector<Connection*> free_;  // under mutex_
  std::array<std::unique_ptr<Chunk>, kMostChunks> chunks_{};
  std::atomic<std::size_t> chunks_used_{0};
  std::atomic<std::size_t> open_{0};
};

}  // namespace monodon::worker

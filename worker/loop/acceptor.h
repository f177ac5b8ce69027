// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "worker/loop/connection_pool.h"
#include "worker/wire/handoff.h"
#include "worker/wire/heritage.h"

namespace monodon::worker {

// The listeners of one worker in its epoll set.
//
// A worker takes one connection for each time that epoll reports a listener, and serves
// it before it looks again: what it cannot run waits in the kernel's backlog, where any
// idle worker finds it. EPOLLEXCLUSIVE keeps one connection from waking all workers.
class Acceptor {
 public:
  // `first_tag` + i goes into epoll_event.data for listener i.
  Acceptor(int epoll, std::vector<UniqueFd>& listeners, const Boot& boot,
           std::uint64_t first_tag, const http::Forwarding& forwarding);

  void listen();  // adds the listeners to the epoll set
  void leave();   // takes them out, for good
  // What waits there is reported once more, whoever was woken for it. The leader.
  void look_again();
  [[nodiscard]] bool left() const noexcept { return left_; }

  // A new connection, owned by the caller; null if another worker was faster or if
  // there is no descriptor or memory for it. In that case accepting pauses; it does so
  // while some descriptors are left, which the application may need.
  Connection* accept(std::size_t listener, ConnectionPool& pool);

  // One that comes from another worker; owned by the caller; null without memory.
  Connection* adopt(Handoff& what, ConnectionPool& pool);

  // The keeper, now and then: ends a pause when its time has come and its cause is
  // gone. A listener that somebody shut down pauses alone, until it listens again.
  void end_pause(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t pauses() const noexcept {
    return pauses_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool paused() const noexcept {
    return resume_ns_.load(std::memory_order_relaxed) != 0;
  }

 private:
  void pause(int code);
  void lose(std::size_t listener);
  void control(int operation);

  int epoll_;
  std::vector<UniqueFd>& listeners_;
  const Boot& boot_;
  std::uint64_t first_tag_;
  const http::Forwarding& forwarding_;
  http::Peer unix_peer_;
  bool prefaced_ = false;  // a PROXY header may come first
  std::atomic<bool> left_{false};
  std::atomic<std::uint64_t> resume_ns_{0};
  std::atomic<std::uint64_t> pauses_{0};
  std::uint64_t reserve_ = 0;           // descriptors that connections leave alone
  std::atomic<int> first_reserved_{0};  // a descriptor's number
  std::uint64_t told_ns_ = 0;
};

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "scoreboard/page.h"
#include "worker/loop/exchange.h"
#include "worker/loop/request_id.h"

namespace monodon::worker {

// A request in progress as the others see it: whose it is, and since when it runs. A
// thread (app_thread.h) has one of its own, since it runs a request from its first to
// its last byte; who runs many at a time has as many flights.
//
// Whoever runs the request calls begin() and end() around it. In between, the keeper
// may hold() it: then end() waits, so that the connection and its request stay where
// they are while the keeper answers 504 or writes down what runs.
class Flight {
 public:
  Flight(unsigned of_thread, scoreboard::ThreadRow& written_to,
         const Exchange::Config& config, Exchange::Finisher& finisher)
      : thread{of_thread}, row{written_to}, exchange{config, finisher} {}

  const unsigned thread;       // that runs it
  scoreboard::ThreadRow& row;  // where it is counted
  Exchange exchange;
  std::string request_id;

  // The proxy's id, or one of our own.
  void take_request_id(std::string_view given, RequestIds& ids) {
    RequestIds::Id made;
    if (given.empty()) {
      ids.make(made);
      given = {made.data(), made.size()};
    }
    request_id = given;
  }

  void begin(Connection& connection, std::uint64_t now_ns) noexcept {
    connection_ = &connection;
    started_ns_.store(now_ns, std::memory_order_relaxed);
    told_slow_ = exempt_ = false;
    watch_.store(Watch::running, std::memory_order_release);
  }
  // False: the deadline struck, the keeper has answered and shut the connection down.
  [[nodiscard]] bool end() noexcept {
    for (;;) {
      Watch seen = Watch::running;
      if (watch_.compare_exchange_strong(seen, Watch::idle)) return true;
      if (seen == Watch::expired) {
        watch_.store(Watch::idle, std::memory_order_release);
        return false;
      }
      watch_.wait(seen);
    }
  }

  // Keeper. CLOCK_MONOTONIC of the running request's start, 0 if nothing runs, or if
  // it has had its deadline already.
  [[nodiscard]] std::uint64_t running_since() const noexcept {
    return watch_.load(std::memory_order_acquire) == Watch::running
               ? started_ns_.load(std::memory_order_relaxed)
               : 0;
  }
  [[nodiscard]] bool busy() const noexcept {
    return watch_.load(std::memory_order_acquire) != Watch::idle;
  }
  [[nodiscard]] bool expired() const noexcept {
    return watch_.load(std::memory_order_acquire) == Watch::expired;
  }
  // Keeper. Null if the request ended meanwhile. Followed by let_go() or expire().
  [[nodiscard]] Connection* hold(std::uint64_t started_ns) noexcept {
    Watch seen = Watch::running;
    if (!watch_.compare_exchange_strong(seen, Watch::held)) return nullptr;
    if (started_ns_.load(std::memory_order_relaxed) == started_ns) return connection_;
    let_go();
    return nullptr;
  }
  void let_go() noexcept { release(Watch::running); }
  void expire(std::uint64_t now_ns) noexcept {
    expired_ns_.store(now_ns, std::memory_order_relaxed);
    release(Watch::expired);
  }
  // Keeper. When its deadline struck, while it goes on after it; else 0.
  [[nodiscard]] std::uint64_t expired_since() const noexcept {
    return expired() ? expired_ns_.load(std::memory_order_relaxed) : 0;
  }

  // Keeper only, while held: the stack of this request is in the log already.
  [[nodiscard]] bool told_slow() const noexcept { return told_slow_; }
  void set_told_slow() noexcept { told_slow_ = true; }
  // Likewise: it has no deadline any more.
  [[nodiscard]] bool exempt() const noexcept { return exempt_; }
  void set_exempt() noexcept { exempt_ = true; }

 private:
  enum class Watch : std::uint8_t { idle, running, held, expired };

  void release(Watch to) noexcept {
    watch_.store(to, std::memory_order_release);
    watch_.notify_all();
  }

  Connection* connection_ = nullptr;
  std::atomic<std::uint64_t> started_ns_{0};
  std::atomic<bool> told_slow_{false};
  std::atomic<bool> exempt_{false};
  std::atomic<std::uint64_t> expired_ns_{0};
  std::atomic<Watch> watch_{Watch::idle};
};

}  // namespace monodon::worker

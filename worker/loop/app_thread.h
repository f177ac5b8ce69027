// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "scoreboard/page.h"
#include "worker/http/date.h"
#include "worker/loop/exchange.h"
#include "worker/loop/request_id.h"
#include "worker/loop/sightings.h"

namespace monodon::worker {

// One application thread as the others see it: what it runs and since when.
//
// The thread itself calls begin() and end() around a request. In between, the keeper
// may hold() it: then end() waits, so that the connection and its request stay where
// they are while the keeper answers 504 or writes down what runs.
class AppThread {
 public:
  AppThread(unsigned number, scoreboard::ThreadRow& own_row,
            const Exchange::Config& config, Exchange::Finisher& finisher)
      : index{number}, row{own_row}, exchange{config, finisher} {}

  const unsigned index;
  scoreboard::ThreadRow& row;
  Exchange exchange;
  http::DateText date;
  RequestIds ids;
  std::string request_id;  // of the present request
  Sightings sightings;

  // The thread itself: it took a step. It neither waits nor runs the application.
  void step() noexcept {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  // The thread itself: what follows may take for ever, or is over.
  void set_waiting(bool waits) noexcept {
    waits_.store(waits, std::memory_order_relaxed);
  }
  void set_tid(int tid) noexcept { tid_.store(tid, std::memory_order_relaxed); }
  // The keeper.
  [[nodiscard]] std::uint64_t steps() const noexcept {
    return steps_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool excused() const noexcept {
    return waits_.load(std::memory_order_relaxed) || busy();
  }
  [[nodiscard]] int tid() const noexcept {  // 0: it does not run yet
    return tid_.load(std::memory_order_relaxed);
  }

  // The proxy's id, or one of our own.
  void take_request_id(std::string_view given) {
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
    told_slow_ = false;
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
  void expire() noexcept { release(Watch::expired); }

  // Keeper only, while held: the stack of this request is in the log already.
  [[nodiscard]] bool told_slow() const noexcept { return told_slow_; }
  void set_told_slow() noexcept { told_slow_ = true; }

  // A follower sleeps here until it is made the leader (true) or all is over (false).
  [[nodiscard]] bool follow() noexcept {
    call_.wait(Call::none);
    return call_.exchange(Call::none) == Call::lead;
  }
  void lead() noexcept { ring(Call::lead); }
  void stop() noexcept { ring(Call::stop); }

 private:
  enum class Watch : std::uint8_t { idle, running, held, expired };
  enum class Call : std::uint8_t { none, lead, stop };

  void release(Watch to) noexcept {
    watch_.store(to, std::memory_order_release);
    watch_.notify_all();
  }
  void ring(Call call) noexcept {
    call_.store(call, std::memory_order_release);
    call_.notify_all();
  }

  std::atomic<std::uint64_t> steps_{0};
  std::atomic<bool> waits_{true};
  std::atomic<int> tid_{0};
  Connection* connection_ = nullptr;
  std::atomic<std::uint64_t> started_ns_{0};
  std::atomic<bool> told_slow_{false};
  std::atomic<Watch> watch_{Watch::idle};
  std::atomic<Call> call_{Call::none};
};

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/process/thread_sight.h"
#include "base/unique_fd.h"
#include "worker/application.h"
#include "worker/loop/app_thread.h"
#include "worker/loop/liveness.h"
#include "worker/loop/slow_outputs.h"

namespace monodon::worker {

class Loop;

// The thread of a worker that never runs the application and never takes its lock.
//
// It finishes responses that clients take slowly, closes connections whose time is up,
// enforces deadlines, sees to it that somebody leads while a request takes long, and
// sees when a thread hangs, and ends the worker once it has drained. The heartbeat of
// the page is its word that the leader moves. It looks every millisecond while requests
// take long (and for a moment after a rest), every 50 ms while they are short, once a
// second when there are none, and every four once there are no connections either.
class Keeper {
 public:
  Keeper(Loop& loop, Application& app);
  ~Keeper();

  void start();
  void join();

  // Any thread.
  void wake() noexcept;
  void request_began() noexcept {
    if (sleep_ms_.load(std::memory_order_relaxed) != 0) wake();
  }
  // Its time may be up sooner than a rest.
  void connection_came() noexcept {
    if (sleep_ms_.load(std::memory_order_relaxed) > 1000) wake();
  }
  // One that took longer than kLongNs has ended. Others may come.
  void saw_long_request(std::uint64_t now_ns) noexcept {
    long_seen_ns_.store(now_ns, std::memory_order_relaxed);
  }
  static constexpr std::uint64_t kLongNs = 1'000'000;
  void drain_began() noexcept;
  void leave_now() noexcept;  // the process ends, without finishing anything
  void let_go() noexcept;     // as Loop's
  // Writes the stacks to `reader`, a stream socket, and closes it. What does not fit
  // into it at once is cut off.
  void ask_for_stacks(UniqueFd reader);
  [[nodiscard]] SlowOutputs& outputs() noexcept { return outputs_; }

 private:
  void run();
  [[nodiscard]] int interval_ms(std::uint64_t now_ns);
  [[nodiscard]] bool at_rest(std::uint64_t now_ns) const;
  void look_after_leader(std::uint64_t now_ns);
  // long_requests.cc
  void look_after_requests(std::uint64_t now_ns);
  void look_after_request(Flight& flight, std::uint64_t now_ns);
  void look_after_expired(Flight& flight, std::uint64_t now_ns);
  void slow(Flight& flight, Connection& c, std::uint64_t age_ns);
  std::string take_stacks(std::uint64_t now_ns);
  void expire(Flight& flight, Connection& c, std::uint64_t now_ns);

  void flush_log(std::uint64_t now_ns);
  void sweep(std::uint64_t now_ns);
  void close_expired(Connection& c);
  void once_a_second(std::uint64_t now_ns);
  // Whether the leader moves. One that does not, outside of the application, is told.
  [[nodiscard]] bool look_for_hangs();
  void report_hang(const AppThread& t, const ThreadSight& sight);
  void answer_for_stacks();
  void show_title(std::uint64_t now_ns);
  void look_after_drain(std::uint64_t now_ns);
  [[noreturn]] void leave(bool told);

  Loop& loop_;
  Application& app_;
  SlowOutputs outputs_;
  std::thread thread_;

  std::atomic<int> sleep_ms_{0};  // 0: for less than a second
  std::atomic<bool> leave_wanted_{false};
  std::mutex stacks_mutex_;
  std::vector<UniqueFd> stacks_readers_;  // under stacks_mutex_
  std::atomic<std::uint64_t> drain_since_ns_{0};

  std::optional<std::uint64_t> stay_;  // of the leader in the application
  std::uint64_t stay_since_ns_ = 0;
  std::atomic<std::uint64_t> long_seen_ns_{0};  // a request took over a millisecond
  std::uint64_t close_look_ns_ = 0;             // until then, watch closely
  std::uint64_t active_ns_ = 0;                 // when a request last ran
  std::uint64_t requests_seen_ = 0;
  std::uint64_t stacks_told_ns_ = 0;  // 0: never
  std::uint64_t swept_ns_ = 0;
  std::uint64_t flushed_ns_ = 0;
  std::uint64_t memory_looked_ns_ = 0;
  std::uint64_t started_ns_ = 0;
  std::vector<Liveness> liveness_;  // of each thread
  bool told_hang_ = false;
  bool told_stuck_ = false;
  bool title_busy_ = false;
};

}  // namespace monodon::worker

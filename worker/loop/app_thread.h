// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "scoreboard/page.h"
#include "worker/http/date.h"
#include "worker/loop/flight.h"
#include "worker/loop/request_id.h"
#include "worker/loop/sightings.h"

namespace monodon::worker {

// One application thread as the others see it: whether it moves, and whether it leads.
// What it runs is its flight.
class AppThread {
 public:
  AppThread(unsigned number, scoreboard::ThreadRow& own_row,
            const Exchange::Config& config, Exchange::Finisher& finisher)
      : index{number}, row{own_row}, flight{number, own_row, config, finisher} {}

  const unsigned index;
  scoreboard::ThreadRow& row;
  Flight flight;
  http::DateText date;
  RequestIds ids;
  Sightings sightings;

  // The thread itself: it took a step. It neither waits nor runs the application.
  void step() noexcept {
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  // The thread itself: what follows may take for ever (it waits, or runs the
  // application), or is over.
  void set_waiting(bool waits) noexcept {
    waits_.store(waits, std::memory_order_relaxed);
  }
  void set_tid(int tid) noexcept { tid_.store(tid, std::memory_order_relaxed); }
  // The keeper.
  [[nodiscard]] std::uint64_t steps() const noexcept {
    return steps_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool excused() const noexcept {
    return waits_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] int tid() const noexcept {  // 0: it does not run yet
    return tid_.load(std::memory_order_relaxed);
  }

  // A follower sleeps here until it is made the leader (true) or all is over (false).
  [[nodiscard]] bool follow() noexcept {
    call_.wait(Call::none);
    return call_.exchange(Call::none) == Call::lead;
  }
  void lead() noexcept { ring(Call::lead); }
  void stop() noexcept { ring(Call::stop); }

 private:
  enum class Call : std::uint8_t { none, lead, stop };

  void ring(Call call) noexcept {
    call_.store(call, std::memory_order_release);
    call_.notify_all();
  }

  std::atomic<std::uint64_t> steps_{0};
  std::atomic<bool> waits_{true};
  std::atomic<int> tid_{0};
  std::atomic<Call> call_{Call::none};
};

}  // namespace monodon::worker

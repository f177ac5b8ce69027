// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace monodon::worker {

// Who runs the loop of a worker: one application thread, the leader, at a time.
//
// The leader owns everything that is not locked: the batch of events, the queue of
// connections to go on with, the scratch buffer. Before it enters the application it
// puts the leadership down where others can take it, and afterwards picks it up again
// if nobody did. So an ordinary request costs one store and one compare-and-swap.
//
//   leading(t) --enter_app--> in_app(t) --leave_app--> leading(t)
//                                |--promote(u)-------> leading(u)   t follows now
//                                `--borrow-----------> borrowed     by the keeper
//   borrowed --give_back--> in_app(t)
//
// All functions may be called from any thread of the worker.
class Leadership {
 public:
  // The leader, about to enter the application.
  void enter_app(unsigned thread) noexcept {
    word_.store(pack(Phase::in_app, thread, ++entries_), std::memory_order_release);
  }

  // After the application: true if `thread` (still) leads.
  [[nodiscard]] bool leave_app(unsigned thread) noexcept {
    for (;;) {
      std::uint64_t seen = word_.load(std::memory_order_acquire);
      if (thread_of(seen) != thread) return false;
      if (phase_of(seen) == Phase::borrowed) {
        word_.wait(seen, std::memory_order_acquire);  // microseconds
        continue;
      }
      if (phase_of(seen) != Phase::in_app) return false;
      if (word_.compare_exchange_strong(seen,
                                        pack(Phase::leading, thread, seq_of(seen)),
                                        std::memory_order_acq_rel))
        return true;
    }
  }

  // A value that stays the same as long as the same stay inside the application lasts.
  // Empty while somebody leads.
  [[nodiscard]] std::optional<std::uint64_t> in_app() const noexcept {
    const std::uint64_t seen = word_.load(std::memory_order_acquire);
    if (phase_of(seen) != Phase::in_app) return std::nullopt;
    return seen;
  }

  // Makes `thread` the leader, if the stay `seen` still lasts.
  [[nodiscard]] bool promote(std::uint64_t seen, unsigned thread) noexcept {
    return word_.compare_exchange_strong(
        seen, pack(Phase::leading, thread, seq_of(seen)), std::memory_order_acq_rel);
  }

  // The keeper leads for a moment, without running the application.
  [[nodiscard]] bool borrow(std::uint64_t seen) noexcept {
    return word_.compare_exchange_strong(
        seen, pack(Phase::borrowed, thread_of(seen), seq_of(seen)),
        std::memory_order_acq_rel);
  }
  void give_back(std::uint64_t seen) noexcept {
    word_.store(seen, std::memory_order_release);
    word_.notify_all();
  }

  [[nodiscard]] bool leads(unsigned thread) const noexcept {
    const std::uint64_t seen = word_.load(std::memory_order_acquire);
    return phase_of(seen) == Phase::leading && thread_of(seen) == thread;
  }

 private:
  enum class Phase : std::uint64_t { leading, in_app, borrowed };

  static constexpr std::uint64_t pack(Phase phase, unsigned thread, std::uint64_t seq) {
    return seq << 16U | static_cast<std::uint64_t>(thread) << 2U |
           static_cast<std::uint64_t>(phase);
  }
  static constexpr Phase phase_of(std::uint64_t w) {
    return static_cast<Phase>(w & 3U);
  }
  static constexpr unsigned thread_of(std::uint64_t w) {
    return static_cast<unsigned>(w >> 2U & 0x3fffU);
  }
  static constexpr std::uint64_t seq_of(std::uint64_t w) { return w >> 16U; }

  std::atomic<std::uint64_t> word_{pack(Phase::leading, 0, 0)};
  std::uint64_t entries_ = 0;  // the leader's
};

}  // namespace monodon::worker

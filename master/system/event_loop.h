// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::master {

// What one epoll(7) set watches.
class WatchSet {
 public:
  using Handler = std::function<void()>;

  WatchSet();  // throws std::system_error
  WatchSet(const WatchSet&) = delete;
  WatchSet& operator=(const WatchSet&) = delete;

  // The number of the watch, never used twice. `handler` has to live until remove().
  Result<std::uint64_t> add(int fd, int rank, std::uint32_t events,
                            const Handler* handler);
  void remove(std::uint64_t number) noexcept;
  void enable(std::uint64_t number, bool on) noexcept;

  // Waits, then runs the handler of one watch that is ready: that of the lowest rank,
  // and of equals the one whose turn is longest ago. Throws std::system_error.
  void run_one();

 private:
  struct Watch {
    int fd = -1;
    int rank = 0;
    std::uint32_t events = 0;
    const Handler* handler = nullptr;
    bool on = false;
    std::uint64_t last_turn = 0;
  };

  Outcome start(std::uint64_t number, Watch& watch) const noexcept;

  UniqueFd epoll_;
  std::map<std::uint64_t, Watch> watches_;
  std::vector<epoll_event> ready_;
  std::uint64_t last_number_ = 0;
  std::uint64_t turns_ = 0;
};

// A callback registered with the loop, which outlives it; destroying it unregisters it.
// It must not be destroyed by its own callback: note the wish, and act in
// EventLoop::on_turn.
class Subscription {
 public:
  using Handler = WatchSet::Handler;
  Subscription() = default;
  Subscription(Subscription&& other) noexcept { *this = std::move(other); }
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription() { reset(); }

  [[nodiscard]] bool watches() const { return set_ != nullptr; }

 private:
  friend class EventLoop;

  void reset() noexcept;

  WatchSet* set_ = nullptr;
  UniqueFd own_;  // of a signal or a clock
  std::unique_ptr<Handler> handler_;
  std::uint64_t number_ = 0;
};

// The master's single thread of control.
//
// Signals arrive as ordinary events, never in the middle of a statement: there is no
// signal handler in the master. A signal that is subscribed to is blocked for the life
// of the process; a zygote is started with an empty mask.
//
// Set-up throws std::system_error. A handler must not throw: nobody above could go on,
// so the process ends, and systemd starts a new master.
class EventLoop {
 public:
  using OnIo = Subscription;
  using OnSignal = Subscription;
  using OnTime = Subscription;

  // Of what is ready the lowest rank comes first: messages are drained before anybody
  // is reaped.
  enum class Rank : int { message = -10, normal = 0, death = 10 };

  [[nodiscard]] OnSignal on_signal(int signo, OnSignal::Handler handler);

  // Level-triggered. `events` are those of epoll(7). For set-up: throws.
  [[nodiscard]] OnIo on_io(int fd, Rank rank, OnIo::Handler handler,
                           std::uint32_t events = EPOLLIN);

  // The same for what comes and goes while serving: the kernel may be short of memory
  // or watches, and that is no reason to end.
  [[nodiscard]] Result<OnIo> try_io(int fd, Rank rank, OnIo::Handler handler,
                                    std::uint32_t events = EPOLLIN);

  // Off: its events wait. From any callback, its own as well.
  static void enable(const OnIo& watch, bool on) {
    if (watch.watches()) watch.set_->enable(watch.number_, on);
  }

  // One shot each time it is armed.
  [[nodiscard]] OnTime on_time(OnTime::Handler handler);
  static void arm(const OnTime& timer, Clock::time_point when);

  // Runs `handler` once per turn, before the loop waits again: here what the events
  // of the turn mean is carried out, and subscriptions may be destroyed.
  void on_turn(std::function<void()> handler) { turn_ = std::move(handler); }

  // Until stop(). Throws when the loop itself fails.
  void run();
  void stop() { stopped_ = true; }

 private:
  WatchSet set_;
  std::function<void()> turn_;
  bool stopped_ = false;
};

}  // namespace monodon::master

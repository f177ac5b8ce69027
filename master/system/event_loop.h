// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-event.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <system_error>

#include "base/clock.h"
#include "base/result.h"

namespace monodon::master {

struct UnrefEvent {
  void operator()(sd_event* e) const noexcept { sd_event_unref(e); }
};
struct UnrefSource {
  // Off first: another reference inside sd-event must not let it fire again.
  void operator()(sd_event_source* s) const noexcept {
    sd_event_source_disable_unref(s);
  }
};

// Turns sd-event's "negative errno" into an exception.
inline int checked(int r, const char* what) {
  if (r < 0) throw std::system_error{-r, std::generic_category(), what};
  return r;
}

// A callback registered with the loop; destroying it unregisters it. It must not be
// destroyed by its own callback: note the wish, and act in EventLoop::on_turn.
template <typename... Args>
class Subscription {
 public:
  using Handler = std::function<void(Args...)>;
  Subscription() = default;
  explicit Subscription(Handler handler)
      : handler_{std::make_unique<Handler>(std::move(handler))} {}

  [[nodiscard]] Handler* handler() const { return handler_.get(); }
  [[nodiscard]] sd_event_source* source() const { return source_.get(); }
  void own(sd_event_source* source) { source_.reset(source); }

 private:
  std::unique_ptr<Handler> handler_;  // outlives the source: declared first
  std::unique_ptr<sd_event_source, UnrefSource> source_;
};

// The master's single thread of control, and its only user of sd-event.
//
// Signals arrive as ordinary events, never in the middle of a statement: there is no
// signal handler in the master. A signal that is subscribed to is blocked for the life
// of the process; a zygote is started with an empty mask.
//
// Set-up throws std::system_error. A handler must not throw: a C library calls it, so
// an exception that gets there ends the process, and systemd starts a new master.
class EventLoop {
 public:
  using OnSignal = Subscription<int>;
  using OnIo = Subscription<>;
  using OnTime = Subscription<>;

  // Events of one batch are handled by rank: messages are drained before anybody is
  // reaped, and what follows from all of them is done last.
  enum class Rank : int { message = -10, normal = 0, death = 10 };

  EventLoop() {
    sd_event* event = nullptr;
    checked(sd_event_new(&event), "create event loop");
    event_.reset(event);
  }

  [[nodiscard]] OnSignal on_signal(int signo, OnSignal::Handler handler) {
    OnSignal subscription{std::move(handler)};
    sd_event_source* source = nullptr;
    checked(sd_event_add_signal(event_.get(), &source, signo | SD_EVENT_SIGNAL_PROCMASK,
                                deliver_signal, subscription.handler()),
            "watch signal");
    subscription.own(source);
    return subscription;
  }

  // Level-triggered. `events` are those of epoll(7). For set-up: throws.
  [[nodiscard]] OnIo on_io(int fd, Rank rank, OnIo::Handler handler,
                           std::uint32_t events = EPOLLIN) {
    auto subscription = try_io(fd, rank, std::move(handler), events);
    if (!subscription) checked(-subscription.error().code, "watch descriptor");
    return std::move(subscription).value();
  }

  // The same for what comes and goes while serving: the kernel may be short of memory
  // or watches, and that is no reason to end.
  [[nodiscard]] Result<OnIo> try_io(int fd, Rank rank, OnIo::Handler handler,
                                    std::uint32_t events = EPOLLIN) {
    OnIo subscription{std::move(handler)};
    sd_event_source* source = nullptr;
    int r = sd_event_add_io(event_.get(), &source, fd, events, deliver_io,
                            subscription.handler());
    if (r >= 0) {
      subscription.own(source);
      r = sd_event_source_set_priority(source, static_cast<int>(rank));
    }
    if (r < 0) return Error{"watch descriptor", -r};
    return subscription;
  }

  // Off: its events wait. From any callback, its own as well.
  static void enable(const OnIo& watch, bool on) {
    if (watch.source() != nullptr)
      (void)sd_event_source_set_enabled(watch.source(),
                                        on ? SD_EVENT_ON : SD_EVENT_OFF);
  }

  // One shot each time it is armed.
  [[nodiscard]] OnTime on_time(OnTime::Handler handler) {
    OnTime subscription{std::move(handler)};
    sd_event_source* source = nullptr;
    checked(sd_event_add_time(event_.get(), &source, CLOCK_MONOTONIC, 0, 1000,
                              deliver_time, subscription.handler()),
            "watch clock");
    subscription.own(source);
    checked(sd_event_source_set_enabled(source, SD_EVENT_OFF), "disarm timer");
    return subscription;
  }

  static void arm(const OnTime& timer, Clock::time_point when) {
    if (when == Clock::time_point::max()) {
      (void)sd_event_source_set_enabled(timer.source(), SD_EVENT_OFF);
      return;
    }
    const auto since_boot = std::chrono::ceil<std::chrono::microseconds>(
        std::max(when, Clock::time_point{}).time_since_epoch());
    const auto usec = static_cast<std::uint64_t>(since_boot.count());
    (void)sd_event_source_set_time(timer.source(), usec);
    (void)sd_event_source_set_enabled(timer.source(), SD_EVENT_ONESHOT);
  }

  // Runs `handler` once per turn, before the loop waits again: here what the events
  // of the turn mean is carried out, and subscriptions may be destroyed.
  void on_turn(std::function<void()> handler) { turn_ = std::move(handler); }

  // Until stop(). Throws when the loop itself fails.
  void run() {
    while (!stopped_) {
      if (turn_) turn_();
      if (stopped_) break;
      checked(sd_event_run(event_.get(), UINT64_MAX), "run event loop");
    }
  }
  void stop() { stopped_ = true; }

 private:
  static int deliver_signal(sd_event_source*, const signalfd_siginfo* info,
                            void* handler) noexcept {
    (*static_cast<OnSignal::Handler*>(handler))(static_cast<int>(info->ssi_signo));
    return 0;
  }
  static int deliver_io(sd_event_source*, int, std::uint32_t, void* handler) noexcept {
    (*static_cast<OnIo::Handler*>(handler))();
    return 0;
  }
  static int deliver_time(sd_event_source*, std::uint64_t, void* handler) noexcept {
    (*static_cast<OnTime::Handler*>(handler))();
    return 0;
  }

  std::unique_ptr<sd_event, UnrefEvent> event_;
  std::function<void()> turn_;
  bool stopped_ = false;
};

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// The master waits here: epoll(7), with signals and clocks as descriptors.
#include "master/system/event_loop.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace monodon::master {

namespace {

[[noreturn]] void fail(const char* what, int code) {
  throw std::system_error{code, std::generic_category(), what};
}

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) fail(what, errno);
  return UniqueFd{fd};
}

// It throws nothing: see EventLoop.
void call(const WatchSet::Handler& handler) noexcept {
  handler();
}

}  // namespace

WatchSet::WatchSet()
    : epoll_{checked(::epoll_create1(EPOLL_CLOEXEC), "create event loop")} {}

Outcome WatchSet::start(std::uint64_t number, Watch& watch) const noexcept {
  epoll_event event{};
  event.events = watch.events;
  event.data.u64 = number;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.fd, &event) != 0)
    return last_error("watch descriptor");
  watch.on = true;
  return ok();
}

Result<std::uint64_t> WatchSet::add(int fd, int rank, std::uint32_t events,
                                    const Handler* handler) {
  Watch watch{.fd = fd, .rank = rank, .events = events, .handler = handler};
  const std::uint64_t number = ++last_number_;
  if (auto started = start(number, watch); !started) return started.error();
  watches_.emplace(number, watch);
  ready_.resize(watches_.size());
  return number;
}

void WatchSet::remove(std::uint64_t number) noexcept {
  enable(number, false);
  watches_.erase(number);
}

void WatchSet::enable(std::uint64_t number, bool on) noexcept {
  const auto found = watches_.find(number);
  if (found == watches_.end() || found->second.on == on) return;
  Watch& watch = found->second;
  if (on) {
    (void)start(number, watch);
  } else {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd, nullptr);
    watch.on = false;
  }
}

void WatchSet::run_one() {
  // Room for all of them: the one of the lowest rank must not be left out.
  ready_.resize(std::max<std::size_t>(watches_.size(), 1));
  const int count =
      ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), -1);
  if (count < 0 && errno != EINTR) fail("run event loop", errno);
  Watch* next = nullptr;
  for (int i = 0; i < count; ++i) {
    // A copy: epoll_event is packed, so that no reference may be bound to what is in
    // it.
    const std::uint64_t number = ready_[static_cast<std::size_t>(i)].data.u64;
    const auto found = watches_.find(number);
    if (found == watches_.end()) continue;
    Watch& watch = found->second;
    if (next == nullptr ||
        std::pair{watch.rank, watch.last_turn} < std::pair{next->rank, next->last_turn})
      next = &watch;
  }
  if (next == nullptr) return;
  next->last_turn = ++turns_;
  call(*next->handler);
}

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  reset();
  set_ = std::exchange(other.set_, nullptr);
  own_ = std::move(other.own_);
  handler_ = std::move(other.handler_);
  number_ = other.number_;
  return *this;
}

void Subscription::reset() noexcept {
  if (set_ != nullptr) set_->remove(number_);
  set_ = nullptr;
}

EventLoop::OnIo EventLoop::on_io(int fd, Rank rank, OnIo::Handler handler,
                                 std::uint32_t events) {
  auto subscription = try_io(fd, rank, std::move(handler), events);
  if (!subscription) fail("watch descriptor", subscription.error().code);
  return std::move(subscription).value();
}

Result<EventLoop::OnIo> EventLoop::try_io(int fd, Rank rank, OnIo::Handler handler,
                                          std::uint32_t events) {
  OnIo subscription;
  subscription.handler_ = std::make_unique<OnIo::Handler>(std::move(handler));
  auto number =
      set_.add(fd, static_cast<int>(rank), events, subscription.handler_.get());
  if (!number) return number.error();
  subscription.number_ = number.value();
  subscription.set_ = &set_;
  return subscription;
}

EventLoop::OnSignal EventLoop::on_signal(int signo, OnSignal::Handler handler) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signo);
  if (const int code = ::pthread_sigmask(SIG_BLOCK, &one, nullptr); code != 0)
    fail("block signal", code);
  UniqueFd signals =
      checked(::signalfd(-1, &one, SFD_CLOEXEC | SFD_NONBLOCK), "watch signal");
  const int fd = signals.get();
  auto subscription = on_io(fd, Rank::normal, [fd, handler = std::move(handler)] {
    signalfd_siginfo info{};
    if (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) handler();
  });
  subscription.own_ = std::move(signals);
  return subscription;
}

EventLoop::OnTime EventLoop::on_time(OnTime::Handler handler) {
  UniqueFd clock = checked(
      ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "watch clock");
  const int fd = clock.get();
  auto subscription = on_io(fd, Rank::normal, [fd, handler = std::move(handler)] {
    std::uint64_t expirations = 0;
    if (::read(fd, &expirations, sizeof expirations) > 0) handler();
  });
  subscription.own_ = std::move(clock);
  return subscription;
}

void EventLoop::arm(const OnTime& timer, Clock::time_point when) {
  using std::chrono::nanoseconds;
  itimerspec spec{};  // zero: disarmed
  if (when != Clock::time_point::max()) {
    const auto due = std::max(std::chrono::ceil<nanoseconds>(when.time_since_epoch()),
                              nanoseconds{1});
    const auto whole = std::chrono::floor<std::chrono::seconds>(due);
    spec.it_value.tv_sec = static_cast<time_t>(whole.count());
    spec.it_value.tv_nsec = static_cast<long>((due - whole).count());
  }
  (void)::timerfd_settime(timer.own_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void EventLoop::run() {
  while (!stopped_) {
    if (turn_) turn_();
    if (stopped_) break;
    set_.run_one();
  }
}

}  // namespace monodon::master

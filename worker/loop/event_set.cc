// SPDX-License-Identifier: Apache-2.0
// epoll(7) with an eventfd(2) in it.
#include "worker/loop/event_set.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace monodon::worker {

namespace {

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error{errno, std::generic_category(), what};
  return UniqueFd{fd};
}

}  // namespace

EventSet::EventSet(std::uint64_t wake_tag)
    : epoll_{checked(::epoll_create1(EPOLL_CLOEXEC), "create epoll set")},
      wake_{checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "create eventfd")} {
  watch(wake_.get(), wake_tag, EPOLLIN | EPOLLET);
}

void EventSet::watch(int fd, std::uint64_t tag, std::uint32_t events) {
  if (fd < 0) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error{errno, std::generic_category(), "watch descriptor"};
}

bool EventSet::control(int operation, int fd, std::uint32_t events, void* ptr) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = ptr;
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void EventSet::unwatch(int fd) noexcept {
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

int EventSet::wait(std::span<epoll_event> events, int timeout_ms) {
  return ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                      timeout_ms);
}

void EventSet::wake() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void EventSet::woken() noexcept {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
}

void EventSet::let_go() noexcept {
  epoll_.reset();
  wake_.reset();
}

}  // namespace monodon::worker

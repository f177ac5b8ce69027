// SPDX-License-Identifier: Apache-2.0
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/loop/keeper.h"
#include "worker/loop/loop.h"

namespace monodon::worker {

namespace {

constexpr std::uint32_t kOnce = EPOLLOUT | EPOLLONESHOT;

}  // namespace

Keeper::Outputs::Outputs(Keeper& keeper)
    : epoll{::epoll_create1(EPOLL_CLOEXEC)},
      wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      keeper_{keeper} {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (!epoll || !wake ||
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0)
    throw std::system_error{errno, std::generic_category(),
                            "create the keeper's epoll set"};
}

bool Keeper::Outputs::watch_output(Connection& c) {
  epoll_event event{};
  event.events = kOnce;
  event.data.ptr = &c;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, c.fd.get(), &event) == 0 ||
      (errno == ENOENT &&
       ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, c.fd.get(), &event) == 0))
    return true;
  log::error(last_error("watch a response that waits for its client").message(),
             {log::Id::resources_short});
  return false;
}

void Keeper::Outputs::wait(int timeout_ms) {
  std::array<epoll_event, 32> events;
  const int n = ::epoll_wait(epoll.get(), events.data(), events.size(), timeout_ms);
  for (int i = 0; i < n; ++i) {
    if (events[static_cast<std::size_t>(i)].data.ptr != nullptr)
      writable(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    std::uint64_t count = 0;
    (void)!::read(wake.get(), &count, sizeof count);
  }
}

void Keeper::Outputs::writable(Connection& c) {
  std::unique_lock lock{c.output_mutex};
  if (!c.output_shared) return;  // settled meanwhile
  const std::uint64_t before = c.output.taken();
  Output::Flushed result = c.output.flush(c.fd.get());
  if (result == Output::Flushed::would_block) {
    if (c.output.taken() != before && c.output_complete)
      c.deadline_ns.store(
          monotonic_ns() + keeper_.loop_.settings().write_timeout * 1'000'000,
          std::memory_order_relaxed);
    if (!watch_output(c)) result = Output::Flushed::broken;
  }
  if (result == Output::Flushed::short_file)
    tell_short_file(c.output.missing(), c.head.path);
  if (result == Output::Flushed::broken || result == Output::Flushed::short_file) {
    c.output.clear();
    c.output_broken = true;
  }
  c.output_taken.notify_all();
  if (result == Output::Flushed::would_block) return;
  if (!c.output_complete) return;  // the application goes on writing
  const bool keep = c.keep_after_output && result == Output::Flushed::everything;
  c.output_shared = c.output_complete = false;
  (void)::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, c.fd.get(), nullptr);
  lock.unlock();
  keeper_.loop_.next_or_close(c, keep, false, monotonic_ns());
}

bool Keeper::finish_output(Connection& c, bool& keep_alive) {
  const std::lock_guard lock{c.output_mutex};
  if (!c.output.empty() && !c.output_broken) {
    c.output_complete = true;
    c.keep_after_output = keep_alive;
    c.stage.store(Stage::writing, std::memory_order_relaxed);
    const std::uint64_t ms = loop_.settings().write_timeout;
    c.deadline_ns.store(ms == 0 ? 0 : monotonic_ns() + ms * 1'000'000,
                        std::memory_order_relaxed);
    if (outputs_.watch_output(c)) return true;
    c.output_complete = false;
    c.output_broken = true;
  }
  // The client waits for the rest, and would take the next response for it.
  if (c.output_broken) keep_alive = false;
  c.output_shared = false;
  (void)::epoll_ctl(outputs_.epoll.get(), EPOLL_CTL_DEL, c.fd.get(), nullptr);
  return false;
}

}  // namespace monodon::worker

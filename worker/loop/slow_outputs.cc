// SPDX-License-Identifier: Apache-2.0
// What the keeper sends when a client has room again.
#include "worker/loop/slow_outputs.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/loop/loop.h"

namespace monodon::worker {

namespace {

constexpr std::uint32_t kOnce = EPOLLOUT | EPOLLONESHOT;

}  // namespace

bool SlowOutputs::watch_output(Connection& c) {
  if (events_.control(EPOLL_CTL_MOD, c.fd.get(), kOnce, &c) ||
      (errno == ENOENT && events_.control(EPOLL_CTL_ADD, c.fd.get(), kOnce, &c)))
    return true;
  log::error(last_error("watch a response that waits for its client").message(),
             {log::Id::resources_short});
  return false;
}

void SlowOutputs::wait(int timeout_ms) {
  std::array<epoll_event, 32> events;
  const int n = events_.wait(events, timeout_ms);
  for (int i = 0; i < n; ++i) {
    if (events[static_cast<std::size_t>(i)].data.ptr != nullptr)
      writable(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    events_.woken();
  }
}

void SlowOutputs::writable(Connection& c) {
  std::unique_lock lock{c.output_mutex};
  if (!c.output_shared) return;  // settled meanwhile
  const std::uint64_t before = c.output.taken();
  Output::Flushed result = c.output.flush(c.fd.get());
  if (result == Output::Flushed::would_block) {
    if (c.output.taken() != before && c.output_complete)
      c.deadline_ns.store(monotonic_ns() + loop_.settings().write_timeout * 1'000'000,
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
  if (c.wants_room != 0) {
    if (c.output.taken() != before)
      c.stalled_ns.store(monotonic_ns(), std::memory_order_relaxed);
    if (c.output_broken || c.output.size() <= Exchange::kLowWater) tell_of_room(c);
  }
  if (result == Output::Flushed::would_block) return;
  if (!c.output_complete) return;  // the application goes on writing
  const bool keep = c.keep_after_output && result == Output::Flushed::everything;
  c.output_shared = c.output_complete = false;
  events_.unwatch(c.fd.get());
  lock.unlock();
  loop_.parking().next_or_close(c, keep, false, monotonic_ns());
}

// Under output_mutex. The request is in the air as long as it wants room.
void SlowOutputs::tell_of_room(Connection& c) {
  c.stalled_ns.store(0, std::memory_order_relaxed);
  loop_.flights().post(*c.flight, std::exchange(c.wants_room, 0), News::room);
}

void SlowOutputs::give_up(Connection& c) {
  const std::lock_guard lock{c.output_mutex};
  if (c.wants_room == 0) return;
  c.output.clear();
  c.output_broken = true;
  tell_of_room(c);
}

bool SlowOutputs::finish(Connection& c, bool& keep_alive) {
  const std::lock_guard lock{c.output_mutex};
  c.wants_room = 0;
  c.stalled_ns.store(0, std::memory_order_relaxed);
  if (!c.output.empty() && !c.output_broken) {
    c.output_complete = true;
    c.keep_after_output = keep_alive;
    c.stage.store(Stage::writing, std::memory_order_relaxed);
    const std::uint64_t ms = loop_.settings().write_timeout;
    c.deadline_ns.store(ms == 0 ? 0 : monotonic_ns() + ms * 1'000'000,
                        std::memory_order_relaxed);
    if (watch_output(c)) return true;
    c.output_complete = false;
    c.output_broken = true;
  }
  // The client waits for the rest, and would take the next response for it.
  if (c.output_broken) keep_alive = false;
  c.output_shared = false;
  events_.unwatch(c.fd.get());
  return false;
}

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
// What becomes due for open WebSockets.
#include "worker/loop/websockets.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/clock.h"
#include "worker/loop/loop.h"
#include "worker/loop/open_socket.h"

namespace monodon::worker {
namespace {

constexpr std::uint16_t kRestart = 1012;
constexpr std::uint64_t kOneMsInNs = 1'000'000;

}  // namespace

WebSockets::WebSockets(Loop& loop) : loop_{loop}, settings_{loop.settings()} {}
WebSockets::~WebSockets() = default;

void WebSockets::expect(OpenFlight& flight) {
  if (!scratch_) scratch_.reset(new char[kScratch]);
  flight.socket =
      std::make_unique<OpenSocket>(*this, flight, settings_.websocket_max_message);
  flight.websocket = flight.socket.get();
  // What follows a denial on its connection may be frames.
  flight.connection->head.keep_alive = false;
}

// The client may have begun to talk; epoll has told that while nobody listened.
void WebSockets::opened(OpenFlight& flight) {
  loop_.upgraded(flight);
  read_later(flight);
  ++open_;
  loop_.header().open_websockets.store(open_, std::memory_order_relaxed);
  const std::uint64_t interval = settings_.websocket_ping_interval * kOneMsInNs;
  if (interval != 0) due_ns_ = std::min(due_ns_.load(), monotonic_ns() + interval);
  if (loop_.drain().under_way()) ring();
}

void WebSockets::closed(OpenFlight& flight) {
  if (flight.socket->queued) std::erase(to_read_, &flight);
  --open_;
  loop_.header().open_websockets.store(open_, std::memory_order_relaxed);
}

void WebSockets::read_later(OpenFlight& flight) {
  if (std::exchange(flight.socket->queued, true)) return;
  to_read_.push_back(&flight);
}

void WebSockets::read(OpenFlight& flight, std::uint64_t now) {
  if (!flight.socket->read({scratch_.get(), kScratch}, now)) read_later(flight);
  tell_if_news(flight);
}

void WebSockets::tell_if_news(OpenFlight& flight) {
  if (flight.socket->take_news()) loop_.tell(flight, News::message);
}

void WebSockets::hear(OpenFlight& flight, News news) {
  if (news == News::room) {
    flight.socket->push();
    loop_.tell(flight, News::room);
    return tell_if_news(flight);
  }
  read(flight, monotonic_ns());
}

void WebSockets::work() {
  if (!to_read_.empty()) {
    std::vector<OpenFlight*> all;
    all.swap(to_read_);
    const std::uint64_t now = monotonic_ns();
    for (OpenFlight* flight : all) flight->socket->queued = false;
    for (OpenFlight* flight : all) read(*flight, now);
  }
  if (rung_.load(std::memory_order_relaxed) && rung_.exchange(false))
    look_at_all(monotonic_ns());
}

void WebSockets::look_at_all(std::uint64_t now) {
  std::uint64_t next = loop_.drain().under_way() ? drain(now) : ~0ULL;
  loop_.flights().each_socket([&](OpenFlight& flight) {
    next = std::min(next, flight.socket->look({scratch_.get(), kScratch}, now));
    tell_if_news(flight);
    return true;
  });
  due_ns_ = next;
}

// As many are closed as their share of the time has passed, the oldest first.
std::uint64_t WebSockets::drain(std::uint64_t now) {
  if (drain_since_ns_ == 0) {
    drain_since_ns_ = now;
    to_close_ = open_;
  }
  const std::uint64_t over_ns =
      std::min(settings_.websocket_drain, settings_.graceful_timeout / 2) * kOneMsInNs;
  const std::uint64_t passed = now - drain_since_ns_;
  const bool all = passed >= over_ns || to_close_ == 0;
  const std::size_t due = all ? 0 : 1 + to_close_ * passed / over_ns;
  loop_.flights().each_socket([&](OpenFlight& flight) {
    if (!all && closed_ >= due) return false;
    if (flight.socket->over()) return true;
    flight.socket->close(kRestart, "service restart");
    ++closed_;
    tell_if_news(flight);
    return true;
  });
  return all ? ~0ULL : drain_since_ns_ + over_ns * closed_ / to_close_;
}

void WebSockets::ring() noexcept {
  rung_ = true;
  loop_.wake();
}

void WebSockets::ring_if_due(std::uint64_t now) noexcept {
  if (now < due_ns_.load(std::memory_order_relaxed)) return;
  due_ns_ = ~0ULL;
  ring();
}

}  // namespace monodon::worker

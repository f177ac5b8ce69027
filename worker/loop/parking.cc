// SPDX-License-Identifier: Apache-2.0
// Where connections go between two requests.
#include "worker/loop/parking.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/loop/keeper.h"
#include "worker/wire/handoff.h"

namespace monodon::worker {

namespace {

// A request that came just now is answered; only who is silent is left.
bool has_arrived(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool is_between_requests(const Connection& c) {
  const Stage stage = c.stage.load(std::memory_order_relaxed);
  return stage == Stage::head || stage == Stage::preface;
}

}  // namespace

Parking::Parking(const Heritage& heritage, EventSet& events, ConnectionPool& pool,
                 const Drain& drain, scoreboard::WorkerHeader& header, Keeper& keeper)
    : heritage_{heritage},
      settings_{heritage.boot->settings},
      events_{events},
      pool_{pool},
      drain_{drain},
      header_{header},
      keeper_{keeper} {}

bool Parking::park(Connection& c, std::uint64_t now) {
  set_deadline(c, now);
  if (!watch(c)) {  // it would hang for ever
    close(c);
    return true;
  }
  if (c.kept && c.input.empty() && pool_.open() > 64) c.input.release();
  return c.ownership.park();
}

bool Parking::watch(Connection& c) {
  if (c.registered) return true;
  c.registered =
      events_.control(EPOLL_CTL_ADD, c.fd.get(), EPOLLIN | EPOLLRDHUP | EPOLLET, &c);
  if (!c.registered)  // ENOSPC, ENOMEM
    log::error(last_error("watch connection").message(), {log::Id::resources_short});
  return c.registered;
}

void Parking::set_deadline(Connection& c, std::uint64_t now) {
  std::uint64_t ms = 0;
  switch (c.stage.load(std::memory_order_relaxed)) {
    case Stage::preface:
    case Stage::head:
      // A head has one deadline from its first byte on, however slowly it comes.
      if (c.head_started) return;
      c.head_started = !c.input.empty();
      ms = c.kept && c.input.empty() ? settings_.keepalive : settings_.header_timeout;
      break;
    case Stage::body:
      ms = settings_.body_timeout;
      break;
    case Stage::linger:
      ms = c.deadline_ns.load(std::memory_order_relaxed) == 0 ? 2000 : 0;
      if (ms == 0) return;
      break;
    case Stage::writing:
      ms = settings_.write_timeout;
      break;
    case Stage::ready:
    case Stage::upgraded:
    case Stage::closed:
      break;
  }
  c.deadline_ns.store(ms == 0 ? 0 : now + ms * 1'000'000, std::memory_order_relaxed);
}

void Parking::close(Connection& c, bool moved) {
  pool_.give(c, moved);
  if (drain_.under_way()) keeper_.wake();
}

void Parking::next_or_close(Connection& c, bool keep_alive, bool leading,
                            std::uint64_t now) {
  if (!keep_alive) {
    close(c);
    return;
  }
  c.next_request();
  const bool more = !c.input.empty() || c.hangup || c.more;
  if (drain_.under_way()) {
    move(c, more);
  } else if (more || !park(c, now)) {
    if (leading)
      go_on(c);
    else
      resume(c);
  }
}

void Parking::resume(Connection& c) {
  {
    const std::lock_guard lock{mutex_};
    resumed_.push_back(&c);
    has_resumed_ = true;
  }
  events_.wake();
}

std::size_t Parking::gather() {
  if (has_resumed_) {
    const std::lock_guard lock{mutex_};
    ready_.insert(ready_.end(), resumed_.begin(), resumed_.end());
    resumed_.clear();
    has_resumed_ = false;
  }
  return ready_.size();
}

Connection* Parking::next() {
  if (ready_.empty()) return nullptr;
  Connection* c = ready_.front();
  ready_.pop_front();
  return c;
}

void Parking::offer_ready() {
  for (std::size_t n = gather(); n > 0; --n) {
    Connection* c = next();
    if (!hand_over(*c)) go_on(*c);
  }
}

void Parking::move_parked() {
  pool_.each([this](Connection& c) {
    if (!is_between_requests(c) || !c.ownership.try_claim()) return;
    move(c, false);
  });
}

// Owner: a connection between two requests that this worker would rather not serve.
// `more`: another request may be there already, of which epoll will say nothing.
void Parking::move(Connection& c, bool more) {
  if (drain_.hands_on() && hand_over(c)) return;
  if ((drain_.closes_silent() || handoff_lost_) && c.kept && c.input.empty() &&
      !has_arrived(c.fd.get())) {
    close(c);
  } else if (more || !park(c, monotonic_ns())) {
    resume(c);
  }
}

void Parking::lose_handoff() {
  if (handoff_lost_.exchange(true)) return;
  events_.unwatch(heritage_.handoff_receive.get());
  log::warning(
      "this worker cannot hand connections over any more: a process of this site shut "
      "the sockets down that are for that",
      {log::Id::handoff_lost});
}

bool Parking::last_resort() const noexcept {
  return drain_.under_way() && drain_.takes() && heritage_.handoff_receive &&
         (has_arrived(heritage_.handoff_receive.get()) || drain_.taking());
}

bool Parking::hand_over(Connection& c) {
  if (!heritage_.handoff_send || handoff_lost_ || !is_between_requests(c)) return false;
  Handoff what;
  what.listener = c.listener;
  what.kept = c.kept;
  if (c.proxied) {
    what.client = c.peer.address;
    what.client_port = c.peer.port;
  }
  what.input = c.input.view();
  if (const auto sent = send_handoff(heritage_.handoff_send.get(), c.fd.get(), what);
      !sent) {
    if (sent.error().code == EPIPE || sent.error().code == ECONNRESET) lose_handoff();
    return false;
  }
  scoreboard::add(header_.handed_out);
  // close() alone would not end the watch: the other worker holds the same open file.
  if (c.registered) events_.unwatch(c.fd.get());
  close(c, true);
  return true;
}

}  // namespace monodon::worker

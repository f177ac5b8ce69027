// SPDX-License-Identifier: Apache-2.0
// Requests of an application that has many in progress on its one thread.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/machine/system_calls.h"
#include "base/process/own_process.h"
#include "scoreboard/shown.h"
#include "worker/loop/flights.h"
#include "worker/loop/keeper.h"
#include "worker/loop/loop.h"
#include "worker/loop/open_socket.h"
#include "worker/websocket/handshake.h"

namespace monodon::worker {
namespace {

// epoll_wait(2) counts in milliseconds; too late is better than in vain.
int ms_until(std::uint64_t deadline_ns, std::uint64_t now_ns) {
  constexpr std::uint64_t kMs = 1'000'000;
  constexpr std::uint64_t kLongest = 3'600'000;
  if (deadline_ns == 0) return -1;
  if (deadline_ns <= now_ns) return 0;
  return static_cast<int>(std::min((deadline_ns - now_ns + kMs - 1) / kMs, kLongest));
}

void show(AppThread& t, const OpenFlight& flight) {
  const Connection& c = *flight.connection;
  scoreboard::show_request(t.row, c.head.method, c.head.target, c.origin.remote_addr,
                           flight.request_id, c.received_ns);
}

}  // namespace

RequestRunner::Ending RequestRunner::launch(Connection& c, AppThread& t) {
  const bool upgrades = websocket::is_asked_for(c.head);
  if (upgrades)
    if (const auto refusal = websocket::refusal_of(c.head))
      return refuse(c, *refusal, t);
  OpenFlight* flight = flights_.take(c);
  if (flight == nullptr) return {Next::close, true, monotonic_ns(), 0};
  begin(*flight, c, t, flight->serial);
  flight->request = request_of(c, *flight);
  if (upgrades) sockets_.expect(*flight);
  const std::uint64_t before = monotonic_ns();
  t.set_waiting(true);  // it is the application's time
  leadership_.enter_app(t.index);
  const bool over = app_.start(flight->request, flight->exchange, *flight);
  if (is_stranger()) ::_exit(0);  // forked in there, and came back in our place
  (void)leadership_.leave_app(t.index);
  t.set_waiting(false);
  Ending ending{Next::wait, true, monotonic_ns(), 0};
  if (over) ending = land(*flight, t);
  ending.took_ns = elapsed_ns(before, ending.now_ns);
  return ending;
}

RequestRunner::Ending RequestRunner::land(OpenFlight& flight, AppThread& t) {
  Connection& c = *flight.connection;
  if (flight.socket && flight.socket->accepted()) return land_socket(flight, t);
  const bool expired = !flight.end();
  const Exchange::Result result = flight.exchange.complete();
  const std::uint64_t now = monotonic_ns();
  account(c, t, flight, result, expired, now);
  Ending ending{Next::close, true, now, 0};
  if (expired)
    c.end_tells = result.end_tells;
  else
    ending = ending_of(c, result, ending);
  flights_.give(flight);
  if (const OpenFlight* oldest = flights_.oldest()) show(t, *oldest);
  return ending;
}

// What it was as a request is over with its 101: counted, and without a deadline. How
// long a WebSocket lasts would say nothing among durations of requests.
void RequestRunner::upgrade(OpenFlight& flight, AppThread& t) {
  Connection& c = *flight.connection;
  (void)flight.end();
  const std::uint64_t took = elapsed_ns(c.received_ns, monotonic_ns());
  scoreboard::add(t.row.busy_ns, took);
  scoreboard::end_request(t.row, 101, 0, 0, took);
  flights_.set_apart(flight);
  c.stage.store(Stage::upgraded, std::memory_order_relaxed);
  c.deadline_ns.store(0, std::memory_order_relaxed);
  if (const OpenFlight* oldest = flights_.oldest()) show(t, *oldest);
  count_request();
}

RequestRunner::Ending RequestRunner::land_socket(OpenFlight& flight, AppThread& t) {
  Connection& c = *flight.connection;
  OpenSocket& socket = *flight.socket;
  socket.finish();
  const Exchange::Result result = flight.exchange.complete();
  const std::uint64_t now = monotonic_ns();
  if (result.failed) scoreboard::add(t.row.errors);
  log_access(flight.request_id, c, result.status, result.body_bytes, now,
             flight.exchange.head(), socket.code());
  Ending ending{Next::close, true, now, 0};
  bool keep_alive = false;
  c.end_tells = true;
  if (result.shared && keeper_.outputs().finish(c, keep_alive)) {
    ending.next = Next::wait;
  } else if (socket.lingers()) {
    (void)::shutdown(c.fd.get(), SHUT_WR);
    ending.next = linger(c);
  }
  sockets_.closed(flight);
  flights_.give(flight);
  return ending;
}

void Loop::upgraded(OpenFlight& flight) {
  requests_.upgrade(flight, *threads_[0]);
}

// Registered only now: most requests are answered before they would wait.
void Loop::stay_in_the_air(Connection& c) {
  OpenFlight& flight = *c.flight;
  const bool watched = parking_.watch(c);
  if (c.hangup || !watched) flights_.post(flight, flight.serial, News::client_gone);
}

void Loop::land(OpenFlight& flight) {
  Connection& c = *flight.connection;
  settle(c, requests_.land(flight, *threads_[0]), false);
}

// Events of a connection whose request is in the air: what its client sends is for the
// next request, and that it is gone is news.
void Loop::hear_of(Connection& c, std::uint32_t events) {
  OpenFlight* flight = c.flight;
  if (flight == nullptr) return;
  const bool gone = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (gone) c.hangup = true;
  if (c.stage.load(std::memory_order_relaxed) == Stage::upgraded)
    sockets_.hear(*flight, News::message);
  else if (gone)
    tell(*flight, News::client_gone);
}

void Loop::bring(OpenFlight& flight, News news) {
  if (flight.socket && flight.socket->accepted())
    sockets_.hear(flight, news);
  else
    tell(flight, news);
}

// The same, by the keeper that stands in: which requests are in the air does not change
// meanwhile.
void Loop::note_gone(Connection& c, std::uint32_t events) {
  if (c.flight == nullptr) return;
  const bool gone = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (gone) c.hangup = true;
  if (gone || c.stage.load(std::memory_order_relaxed) == Stage::upgraded)
    flights_.post(*c.flight, c.flight->serial,
                  gone ? News::client_gone : News::message);
}

void Loop::tell(OpenFlight& flight, News news) {
  AppThread& self = *threads_[0];
  self.set_waiting(true);
  leadership_.enter_app(0);
  app_.tell(flight, news);
  (void)leadership_.leave_app(0);
  self.set_waiting(false);
}

void Loop::watch(int fd) {
  events_.watch(fd, kTurn, EPOLLIN);
}

// What is there: requests that are over, the rest of the batch, connections that can go
// on, and news. Whatever comes next may block the loop, and a connection whose request
// is over can be handed to another worker then, but only once it has landed.
void Loop::work() {
  AppThread& self = *threads_[0];
  flights_.land([this](OpenFlight& flight) { land(flight); });
  while (batch_next_ < batch_end_) {
    self.step();
    dispatch(batch_[batch_next_++], 0);
  }
  for (std::size_t n = parking_.gather(); n > 0; --n) {
    Connection* c = parking_.next();
    if (c == nullptr) break;
    self.step();
    advance(*c, 0);
  }
  flights_.deliver([this](OpenFlight& flight, News news) { bring(flight, news); });
  sockets_.work();
}

bool Loop::take(std::uint64_t deadline_ns, bool& readable) {
  AppThread& self = *threads_[0];
  if (self.tid() == 0) self.set_tid(thread_id());
  self.set_waiting(false);
  (void)leadership_.leave_app(0);
  turn_ends_ = false;
  moment_.waited();
  work();
  bool ends =
      false;  // once it wants its turn it does, whatever it says without its lock
  for (bool looked = false; !drain_.over(); looked = true) {
    const int ms = ms_until(deadline_ns, monotonic_ns());
    ends = ends || turn_ends_ || ms == 0 || app_.wants_turn();
    if (looked && ends) break;
    self.step();
    const bool more = flights_.any_to_land() || sockets_.any_to_read();
    wait_for_events(self, ends || more ? 0 : ms);
    work();
  }
  readable = turn_ends_;
  self.set_waiting(true);
  leadership_.enter_app(0);
  return !drain_.over();
}

}  // namespace monodon::worker

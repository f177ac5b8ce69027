// SPDX-License-Identifier: Apache-2.0
// Requests of an application that has many in progress on its one thread.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/machine/system_calls.h"
#include "base/process/own_process.h"
#include "scoreboard/shown.h"
#include "worker/loop/flights.h"
#include "worker/loop/keeper.h"
#include "worker/loop/loop.h"
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
  constexpr http::ParseError kNoWebSocket{501, "WebSockets are not served"};
  if (websocket::is_asked_for(c.head)) return refuse(c, kNoWebSocket, t);
  OpenFlight* flight = flights_.take(c);
  if (flight == nullptr) return {Next::close, true, monotonic_ns(), 0};
  begin(*flight, c, t, flight->serial);
  flight->request = request_of(c, *flight);
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

// Registered only now: most requests are answered before they would wait.
void Loop::stay_in_the_air(Connection& c) {
  OpenFlight& flight = *c.flight;
  if (c.hangup || !parking_.watch(c))
    flights_.post(flight, flight.serial, News::client_gone);
}

void Loop::land(OpenFlight& flight) {
  Connection& c = *flight.connection;
  settle(c, requests_.land(flight, *threads_[0]), false);
}

// Events of a connection whose request is in the air: what its client sends is for the
// next request, and that it is gone is news.
void Loop::hear_of(Connection& c, std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
  if (OpenFlight* flight = c.flight; flight != nullptr) {
    c.hangup = true;
    tell(*flight, News::client_gone);
  }
}

// The same, by the keeper that stands in: which requests are in the air does not change
// meanwhile.
void Loop::note_gone(Connection& c, std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0 || c.flight == nullptr) return;
  c.hangup = true;
  flights_.post(*c.flight, c.flight->serial, News::client_gone);
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
  flights_.deliver([this](OpenFlight& flight, News news) { tell(flight, news); });
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
    wait_for_events(self, ends || flights_.any_to_land() ? 0 : ms);
    work();
  }
  readable = turn_ends_;
  self.set_waiting(true);
  leadership_.enter_app(0);
  return !drain_.over();
}

}  // namespace monodon::worker

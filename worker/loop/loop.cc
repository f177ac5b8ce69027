// SPDX-License-Identifier: Apache-2.0
// Waiting for events, taking them, leading and leaving.
#include "worker/loop/loop.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/machine/system_calls.h"
#include "worker/http/path.h"
#include "worker/loop/keeper.h"

namespace monodon::worker {

namespace {

http::Forwarding compiled(const Settings& settings) {
  auto script_name = http::script_name_of_environment();
  if (!script_name) throw std::runtime_error{script_name.error().message()};
  auto rules = http::Forwarding::compile(settings, std::move(script_name).value());
  if (!rules) throw std::runtime_error{rules.error().message()};
  return std::move(rules).value();
}

// ASGI has no rule against hop-by-hop fields, and frameworks send some.
Exchange::Config make_exchange_config(const Settings& s, bool interleaves) {
  return {{s.response_memory, 1ULL << 30U, s.spool_directory},
          s.server_header,
          s.write_timeout == 0 ? 365ULL * 24 * 3600 * 1000 : s.write_timeout,
          interleaves || s.hop_by_hop == "drop" ? http::HopByHop::drop
                                                : http::HopByHop::refuse,
          !interleaves};
}

}  // namespace

Loop::Loop(Heritage& heritage, MasterLine& master, Application& app,
           scoreboard::WorkerPage& page)
    : heritage_{heritage},
      master_{master},
      settings_{heritage.boot->settings},
      app_{app},
      page_{page},
      pool_{settings_},
      forwarding_{compiled(settings_)},
      acceptor_{events_.fd(), heritage.listeners, *heritage.boot, kListener,
                forwarding_},
      exchange_{make_exchange_config(settings_, app.interleaves())},
      title_{fmt::format("monodon: worker {} gen {} [{}]", heritage.slot,
                         heritage.generation, settings_.application)},
      keeper_{std::make_unique<Keeper>(*this, app)},
      parking_{heritage, events_, pool_, drain_, page.header(), *keeper_},
      interleaves_{app.interleaves()},
      flights_{0, page.row(0), exchange_, keeper_->outputs(), events_},
      sockets_{*this},
      requests_{heritage, master,   app,      forwarding_, leadership_,
                drain_,   *keeper_, flights_, sockets_},
      reader_{settings_, forwarding_, moment_} {
  for (unsigned i = 0; i < settings_.threads; ++i)
    threads_.push_back(
        std::make_unique<AppThread>(i, page.row(i), exchange_, keeper_->outputs()));
  events_.watch(master.fd(), kChannel, EPOLLIN);
  events_.watch(heritage.handoff_receive.get(), kHandoff, EPOLLIN | EPOLLEXCLUSIVE);
  events_.watch(app.signal_fd(), kSignal, EPOLLIN | EPOLLET);
  acceptor_.listen();
  keeper_->start();
}

Loop::~Loop() = default;

void Loop::join_keeper() {
  keeper_->join();
}

void Loop::run_thread(unsigned me) {
  AppThread& self = *threads_[me];
  self.set_tid(thread_id());
  const std::uint64_t bit = 1ULL << me;
  while (!drain_.over()) {
    if (leadership_.leads(me)) {
      lead(me);
      continue;
    }
    followers_.fetch_or(bit);
    self.set_waiting(true);
    if (drain_.over() || !self.follow()) break;
    followers_.fetch_and(~bit);
  }
}

bool Loop::promote(std::uint64_t seen) {
  for (std::uint64_t idle = followers_.load(); idle != 0; idle = followers_.load()) {
    const auto next = static_cast<unsigned>(std::countr_zero(idle));
    const std::uint64_t bit = 1ULL << next;
    if ((followers_.fetch_and(~bit) & bit) == 0) continue;
    if (leadership_.promote(seen, next)) {
      threads_[next]->lead();
      return true;
    }
    followers_.fetch_or(bit);
    return false;
  }
  return false;
}

void Loop::stop() {
  drain_.pass_to(Drain::State::over);
  for (auto& t : threads_) t->stop();
  events_.wake();
}

void Loop::note_signal() noexcept {
  signalled_ = true;
  events_.wake();
}

void Loop::let_go() noexcept {
  events_.let_go();
  keeper_->let_go();
  pool_.each([](Connection& c) { c.fd.reset(); });
}

// Until the leadership is lost or all is over. First the rest of the batch (another
// leader may have left it), then connections that can go on at once, as many as there
// are now, then whatever epoll has: so nobody with much to say starves the others.
void Loop::lead(unsigned me) {
  AppThread& self = *threads_[me];
  self.set_waiting(false);
  moment_.waited();
  while (!drain_.over()) {
    while (batch_next_ < batch_end_) {
      self.step();
      dispatch(batch_[batch_next_++], me);
      if (!leadership_.leads(me)) return;
    }
    for (std::size_t n = parking_.gather(); n > 0; --n) {
      Connection* c = parking_.next();
      if (c == nullptr) break;
      self.step();
      advance(*c, me);
      if (!leadership_.leads(me)) return;
    }
    self.step();
    wait_for_events(self);
  }
}

void Loop::wait_for_events(AppThread& self, int timeout_ms) {
  batch_next_ = batch_end_ = 0;
  const bool more = parking_.any();
  int n = 0;
  if (!more) app_.rest();
  if (more || requests_.access().due()) {
    n = events_.wait(batch_, 0);
    if (n == 0 && !more) requests_.access().flush();
  }
  if (n == 0 && !more) {
    self.set_waiting(true);
    n = events_.wait(batch_, timeout_ms);
    self.set_waiting(false);
  }
  moment_.waited();
  if (n < 0 && errno != EINTR)
    throw std::system_error{errno, std::generic_category(), "wait for events"};
  batch_end_ = n < 0 ? 0 : static_cast<std::size_t>(n);
  share_surplus();
}

// Whoever waits first gets a new connection, and keeps it; so one worker may have most
// of them. When several of its connections have something to read at once, the last of
// them, whose wait would be the longest, goes to whichever worker is idle and takes it.
// What is in the queue already was not taken, so nobody is.
void Loop::share_surplus() {
  if (!service_time_.worth_moving(batch_end_ - batch_next_)) return;
  if (settings_.workers < 2 || drain_.under_way()) return;
  int queued = 0;
  if (::ioctl(heritage_.handoff_send.get(), SIOCOUTQ, &queued) != 0 || queued != 0)
    return;
  for (std::size_t i = batch_end_; i-- > batch_next_;) {
    const epoll_event event = batch_[i];
    if (event.data.u64 < kListenersEnd || event.events != EPOLLIN) continue;
    auto& c = *static_cast<Connection*>(event.data.ptr);
    if (!c.ownership.claim()) continue;  // a WebSocket: dispatch() has to see it
    batch_[i] = batch_[--batch_end_];
    if (!parking_.hand_over(c)) parking_.go_on(c);
    return;
  }
}

void Loop::dispatch(const epoll_event& event, unsigned me) {
  const std::uint64_t tag = event.data.u64;
  if (tag >= kListenersEnd) {
    auto& c = *static_cast<Connection*>(event.data.ptr);
    if (!c.ownership.claim()) {
      if (interleaves_) hear_of(c, event.events);
      return;
    }
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) c.hangup = true;
    advance(c, me);
  } else if (tag >= kListener) {
    accept(tag - kListener, me);
  } else if (tag == kHandoff) {
    take_over(me);
  } else if (tag == kChannel) {
    read_channel();
  } else if (tag == kSignal) {
    // Only the main thread runs the handlers of a runtime; while it follows or is in
    // the application, they wait for it.
    if (me != 0) return;
    threads_[me]->set_waiting(true);  // it is the application's time
    app_.on_interrupt();
    threads_[me]->set_waiting(false);
  } else if (tag == kTurn) {
    turn_ends_ = true;
  } else {
    events_.woken();
    if (signalled_.exchange(false)) master_.ask_to_retire(wire::Retire::asked);
  }
}

void Loop::accept(std::size_t listener, unsigned me) {
  Connection* c = acceptor_.accept(listener, pool_);
  if (acceptor_.paused()) keeper_->wake();
  if (c == nullptr) return;
  scoreboard::add(page_.header().accepted);
  keeper_->connection_came();
  advance(*c, me);
}

void Loop::take_over(unsigned me) {
  // An event of the batch in which the order to drain came, too: the keeper may end
  // this worker at any moment, and what was taken would end with it.
  if (!drain_.takes()) return;
  drain_.set_taking(true);
  auto got = receive_handoff(heritage_.handoff_receive.get());
  if (!got && got.error().code == ECONNRESET) parking_.lose_handoff();
  Connection* c = nullptr;
  // Otherwise another worker was faster, or the message made no sense.
  if (got) c = acceptor_.adopt(got.value(), pool_);
  drain_.set_taking(false);
  if (c == nullptr) return;
  Handoff& h = got.value();
  c->kept = h.kept;
  c->input.append(h.input);
  scoreboard::add(page_.header().handed_in);
  keeper_->connection_came();
  advance(*c, me);
}

void Loop::advance(Connection& c, unsigned me) {
  for (;;) {
    switch (reader_.advance(c)) {
      case Reader::Outcome::wait:
        if (parking_.park(c, moment_.now())) return;
        continue;
      case Reader::Outcome::yield:
        parking_.go_on(c);
        return;
      case Reader::Outcome::closed:
        parking_.close(c);
        return;
      case Reader::Outcome::refused:
        settle(c, requests_.refuse(c, reader_.refusal(), *threads_[me]));
        return;
      case Reader::Outcome::whole:
        settle(c, requests_.run(c, *threads_[me]));
        return;
    }
  }
}

void Loop::settle(Connection& c, const RequestRunner::Ending& ending, bool learns) {
  if (learns && ending.leading && ending.next != RequestRunner::Next::linger) {
    service_time_.learn(ending.took_ns);
    moment_.set(ending.now_ns);
  }
  switch (ending.next) {
    case RequestRunner::Next::keep:
      parking_.next_or_close(c, true, ending.leading, ending.now_ns);
      return;
    case RequestRunner::Next::close:
      parking_.close(c);
      return;
    case RequestRunner::Next::linger:
      parking_.go_on(c);
      return;
    case RequestRunner::Next::wait:
      if (c.flight != nullptr) stay_in_the_air(c);
      return;
  }
}

// The leader is inside the application, and no follower is free. Connections with
// something to read go to another worker; they would wait here. Listeners need no
// care: what they hold, any idle worker takes.
bool Loop::stand_in(std::uint64_t seen) {
  if (!leadership_.borrow(seen)) return false;
  // What is kept for the leader stays in front, and keeps nobody from looking again.
  std::copy(batch_.begin() + batch_next_, batch_.begin() + batch_end_, batch_.begin());
  batch_end_ -= std::exchange(batch_next_, 0);
  if (batch_end_ < kBatch) {
    const int n = events_.wait(std::span{batch_}.subspan(batch_end_), 0);
    if (n > 0) batch_end_ += static_cast<std::size_t>(n);
  }
  const bool others = settings_.workers > 1 && drain_.hands_on();
  std::size_t kept = 0;
  for (std::size_t i = batch_next_; i < batch_end_; ++i) {
    const epoll_event event = batch_[i];
    if (event.data.u64 == kChannel) {
      read_channel();
    } else if (event.data.u64 >= kListenersEnd) {
      auto& c = *static_cast<Connection*>(event.data.ptr);
      if (!c.ownership.claim()) {
        if (interleaves_) note_gone(c, event.events);
        continue;
      }
      if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) c.hangup = true;
      if (!others || !parking_.hand_over(c)) parking_.go_on(c);
    } else if (event.data.u64 == kWake || event.data.u64 == kSignal) {
      const bool known = std::any_of(
          batch_.begin(), batch_.begin() + kept,
          [&event](const epoll_event& one) { return one.data.u64 == event.data.u64; });
      if (!known) batch_[kept++] = event;  // edge-triggered: the leader has to see it
    }
  }
  batch_next_ = 0;
  batch_end_ = kept;
  if (others) parking_.offer_ready();
  auto& header = page_.header();
  header.waiting_here.store(parking_.ready(), std::memory_order_relaxed);
  header.waiting_between.store(
      others ? count_handoffs(heritage_.handoff_receive.get()) : 0,
      std::memory_order_relaxed);
  leadership_.give_back(seen);
  return true;
}

void Loop::read_channel() {
  if (master_.read([this](wire::Message&& order) { command(std::move(order)); }))
    return;
  events_.unwatch(master_.fd());
  log::warning("the master is gone; this worker finishes what it runs and leaves",
               {log::Id::master_gone});
  begin_drain(true);
}

void Loop::command(wire::Message message) {
  const wire::Kind kind = message.frame.kind;  // nothing else is for a worker
  if (kind == wire::Kind::drain) {
    begin_drain(message.frame.value == 1);
  } else if (kind == wire::Kind::stop) {
    keeper_->leave_now();
  } else if (kind == wire::Kind::look) {
    acceptor_.look_again();
  } else if (kind == wire::Kind::import_early) {
    app_.import_beside_requests(message.text);
  } else if (kind == wire::Kind::dump) {
    if (!message.fds.empty()) keeper_->ask_for_stacks(std::move(message.fds.front()));
  } else if (kind == wire::Kind::reopen_logs) {
    requests_.access().reopen();
    if (auto opened = log::reopen(); !opened)
      log::error(opened.error().message(), {log::Id::log_failed});
  }
}

void Loop::begin_drain(bool nobody_left) {
  using State = Drain::State;
  const State last = heritage_.boot->stored ? State::to_heirs : State::alone;
  if (drain_.pass_to(nobody_left ? last : State::to_others) != State::serving) return;
  page_.header().state.store(
      static_cast<std::uint32_t>(scoreboard::WorkerState::draining),
      std::memory_order_relaxed);
  acceptor_.leave();
  if (heritage_.handoff_receive && !drain_.takes())
    events_.unwatch(heritage_.handoff_receive.get());
  keeper_->drain_began();
  if (interleaves_) sockets_.ring();
  parking_.move_parked();
}

// Only what is safe while somebody else is in the middle of something.
void Loop::step_aside() {
  if (drain_.under_way()) return;
  acceptor_.leave();
  if (heritage_.handoff_receive) events_.unwatch(heritage_.handoff_receive.get());
  parking_.move_parked();
}

}  // namespace monodon::worker

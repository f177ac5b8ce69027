// SPDX-License-Identifier: Apache-2.0
// How a worker leaves, and what its master tells it.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/loop/keeper.h"
#include "worker/loop/loop.h"

namespace monodon::worker {

namespace {

// A request that came just now is answered; only who is silent is left.
bool has_arrived(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

}  // namespace

void Loop::read_channel() {
  if (master_.read([this](wire::Message&& order) { command(std::move(order)); }))
    return;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, master_.fd(), nullptr);
  log::warning("the master is gone; this worker finishes what it runs and leaves",
               {log::Id::master_gone});
  begin_drain(true);
}

void Loop::command(wire::Message message) {
  // Nothing else is for a worker; the master is trusted to mean no harm.
  const wire::Kind kind = message.frame.kind;
  if (kind == wire::Kind::drain) {
    begin_drain(message.frame.value == 1);
  } else if (kind == wire::Kind::stop) {
    keeper_->leave_now();
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
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, heritage_.handoff_receive.get(),
                      nullptr);
  keeper_->drain_began();
  drain_parked();
}

// Only what is safe while somebody else is in the middle of something: no new
// connection comes here, and those that wait for their clients go to other workers. The
// master replaces this worker; until then it is not draining, so that its end is
// expected by nobody but the master.
void Loop::step_aside() {
  if (drain_.under_way()) return;
  acceptor_.leave();
  if (heritage_.handoff_receive)
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, heritage_.handoff_receive.get(),
                      nullptr);
  drain_parked();
}

void Loop::drain_parked() {
  pool_.each([this](Connection& c) {
    if (c.stage.load(std::memory_order_relaxed) != Stage::head ||
        !c.ownership.try_claim())
      return;
    move(c, false);
  });
}

// Owner: a connection between two requests that this worker would rather not serve.
// `more`: another request may be there already, of which epoll will say nothing.
void Loop::move(Connection& c, bool more) {
  if (drain_.hands_on() && hand_over(c)) return;
  if (drain_.closes_silent() && c.kept && c.input.empty() && !has_arrived(c.fd.get())) {
    close(c);
  } else if (more || !park(c, monotonic_ns())) {
    resume(c);
  }
}

bool Loop::last_resort() const noexcept {
  return drain_.under_way() && drain_.takes() && heritage_.handoff_receive &&
         (has_arrived(heritage_.handoff_receive.get()) || drain_.taking());
}

bool Loop::hand_over(Connection& c) {
  if (!heritage_.handoff_send || c.stage.load(std::memory_order_relaxed) != Stage::head)
    return false;
  Handoff what;
  what.listener = c.listener;
  what.kept = c.kept;
  what.input = c.input.view();
  if (!send_handoff(heritage_.handoff_send.get(), c.fd.get(), what)) return false;
  scoreboard::add(page_.header().handed_out);
  // close() alone would not end the watch: the other worker holds the same open file.
  if (c.registered) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, c.fd.get(), nullptr);
  {
    const std::lock_guard lock{c.output_mutex};  // as in ConnectionPool::give
    c.fd.reset();                                // theirs: close() shall not end it
  }
  close(c);
  return true;
}

// The leader is inside the application, and no follower is free. Connections with
// something to read go to another worker; they would wait here. Listeners need no
// care: what they hold, any idle worker takes.
bool Loop::stand_in(std::uint64_t seen) {
  if (!leadership_.borrow(seen)) return false;
  if (batch_next_ == batch_end_) {
    batch_next_ = 0;
    const int n = ::epoll_wait(epoll_.get(), batch_.data(), kBatch, 0);
    batch_end_ = n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  if (has_resumed_) take_resumed();
  const bool others = settings_.workers > 1 && drain_.hands_on();
  std::size_t kept = 0;
  for (std::size_t i = batch_next_; i < batch_end_; ++i) {
    const epoll_event event = batch_[i];
    if (event.data.u64 == kChannel) {
      read_channel();
    } else if (event.data.u64 >= kListenersEnd) {
      auto& c = *static_cast<Connection*>(event.data.ptr);
      if (!c.ownership.claim()) continue;
      if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) c.hangup = true;
      if (!others || !hand_over(c)) ready_.push_back(&c);
    } else if (event.data.u64 == kWake || event.data.u64 == kSignal) {
      batch_[kept++] = event;  // edge-triggered: the leader still has to see it
    }
  }
  batch_next_ = 0;
  batch_end_ = kept;
  for (std::size_t n = others ? ready_.size() : 0; n > 0; --n) {
    Connection* c = ready_.front();
    ready_.pop_front();
    if (!hand_over(*c)) ready_.push_back(c);
  }
  leadership_.give_back(seen);
  return true;
}

}  // namespace monodon::worker

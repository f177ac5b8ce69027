// SPDX-License-Identifier: Apache-2.0
// Waiting for events, taking them, and leading. Leaving is in loop_drain.cc.
#include "worker/loop/loop.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/http/path.h"
#include "worker/loop/keeper.h"

namespace monodon::worker {

namespace {

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error{errno, std::generic_category(), what};
  return UniqueFd{fd};
}

http::Forwarding compiled(const Settings& settings) {
  auto script_name = http::script_name_of_environment();
  if (!script_name) throw std::runtime_error{script_name.error().message()};
  auto rules = http::Forwarding::compile(settings, std::move(script_name).value());
  if (!rules) throw std::runtime_error{rules.error().message()};
  return std::move(rules).value();
}

Exchange::Config make_exchange_config(const Settings& s) {
  return {{s.response_memory, 1ULL << 30U, s.spool_directory},
          s.server_header,
          s.write_timeout == 0 ? 365ULL * 24 * 3600 * 1000 : s.write_timeout,
          s.hop_by_hop == "drop" ? http::HopByHop::drop : http::HopByHop::refuse};
}

}  // namespace

Loop::Loop(Heritage& heritage, MasterLine& master, Application& app,
           scoreboard::WorkerPage& page)
    : heritage_{heritage},
      master_{master},
      settings_{heritage.boot->settings},
      app_{app},
      page_{page},
      epoll_{checked(::epoll_create1(EPOLL_CLOEXEC), "create epoll set")},
      wake_{checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "create eventfd")},
      pool_{settings_},
      forwarding_{compiled(settings_)},
      acceptor_{epoll_.get(), heritage.listeners, *heritage.boot, kListener,
                forwarding_},
      exchange_{make_exchange_config(settings_)},
      title_{fmt::format("monodon: worker {} gen {} [{}]", heritage.slot,
                         heritage.generation, settings_.application)},
      keeper_{std::make_unique<Keeper>(*this, app)},
      requests_{heritage, master, app, forwarding_, leadership_, drain_, *keeper_},
      reader_{settings_, forwarding_, moment_} {
  for (unsigned i = 0; i < settings_.threads; ++i)
    threads_.push_back(
        std::make_unique<AppThread>(i, page.row(i), exchange_, keeper_->finisher()));
  watch(wake_.get(), kWake, EPOLLIN | EPOLLET);
  watch(master.fd(), kChannel, EPOLLIN);
  watch(heritage.handoff_receive.get(), kHandoff, EPOLLIN | EPOLLEXCLUSIVE);
  watch(app.signal_fd(), kSignal, EPOLLIN | EPOLLET);
  acceptor_.listen();
  keeper_->start();
}

Loop::~Loop() = default;

void Loop::join_keeper() {
  keeper_->join();
}

void Loop::watch(int fd, std::uint64_t tag, std::uint32_t events) {
  if (fd < 0) return;  // a worker without a master: benchmarks, tests
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error{errno, std::generic_category(), "watch descriptor"};
}

void Loop::run_thread(unsigned me) {
  AppThread& self = *threads_[me];
  self.set_tid(::gettid());
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
  wake_up();
}

void Loop::wake_up() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Loop::note_signal() noexcept {
  signalled_ = true;
  wake_up();
}

void Loop::let_go() noexcept {
  epoll_.reset();
  wake_.reset();
  keeper_->let_go();
  pool_.each([](Connection& c) { c.fd.reset(); });
}

void Loop::resume(Connection& c) {
  {
    const std::lock_guard lock{resumed_mutex_};
    resumed_.push_back(&c);
    has_resumed_ = true;
  }
  wake_up();
}

void Loop::take_resumed() {
  const std::lock_guard lock{resumed_mutex_};
  ready_.insert(ready_.end(), resumed_.begin(), resumed_.end());
  resumed_.clear();
  has_resumed_ = false;
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
    if (has_resumed_) take_resumed();
    for (std::size_t n = ready_.size(); n > 0 && !ready_.empty(); --n) {
      Connection* c = ready_.front();
      ready_.pop_front();
      self.step();
      advance(*c, me);
      if (!leadership_.leads(me)) return;
    }
    self.step();
    wait_for_events(self);
  }
}

void Loop::wait_for_events(AppThread& self) {
  batch_next_ = batch_end_ = 0;
  const bool more = !ready_.empty() || has_resumed_;
  int n = 0;
  if (!more) app_.rest();
  if (more || requests_.access().due()) {
    n = ::epoll_wait(epoll_.get(), batch_.data(), kBatch, 0);
    if (n == 0 && !more) requests_.access().flush();
  }
  if (n == 0 && !more) {
    self.set_waiting(true);
    n = ::epoll_wait(epoll_.get(), batch_.data(), kBatch, -1);
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
// them, whose wait would be the longest, goes to a worker that has nothing to do, and
// stays there. Nobody has to know how many connections the others have: the idle one
// is the one that takes it. What is in the queue already was not taken, so nobody is.
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
    batch_[i] = batch_[--batch_end_];
    if (c.ownership.claim() && !hand_over(c)) ready_.push_back(&c);
    return;
  }
}

void Loop::dispatch(const epoll_event& event, unsigned me) {
  const std::uint64_t tag = event.data.u64;
  if (tag >= kListenersEnd) {
    auto& c = *static_cast<Connection*>(event.data.ptr);
    if (!c.ownership.claim()) return;
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
  } else {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    if (signalled_.exchange(false)) master_.ask_to_retire(wire::Retire::asked);
  }
}

void Loop::accept(std::size_t listener, unsigned me) {
  Connection* c = acceptor_.accept(listener, pool_);
  if (acceptor_.paused()) keeper_->wake();
  if (c == nullptr) return;
  scoreboard::add(page_.header().accepted);
  advance(*c, me);
}

void Loop::take_over(unsigned me) {
  // An event of the batch in which the order to drain came, too: the keeper may end
  // this worker at any moment, and what was taken would end with it.
  if (!drain_.takes()) return;
  drain_.set_taking(true);
  auto got = receive_handoff(heritage_.handoff_receive.get());
  Connection* c = nullptr;
  // Otherwise another worker was faster, or the message made no sense.
  if (got) c = acceptor_.adopt(std::move(got.value().fd), got.value().listener, pool_);
  drain_.set_taking(false);
  if (c == nullptr) return;
  Handoff& h = got.value();
  c->kept = h.kept;
  c->input.append(h.input);
  scoreboard::add(page_.header().handed_in);
  advance(*c, me);
}

void Loop::advance(Connection& c, unsigned me) {
  for (;;) {
    switch (reader_.advance(c)) {
      case Reader::Outcome::wait:
        if (park(c, moment_.now())) return;
        continue;
      case Reader::Outcome::yield:
        ready_.push_back(&c);
        return;
      case Reader::Outcome::closed:
        close(c);
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

void Loop::settle(Connection& c, const RequestRunner::Ending& ending) {
  if (ending.leading && ending.next != RequestRunner::Next::linger) {
    service_time_.learn(ending.took_ns);
    moment_.set(ending.now_ns);
  }
  switch (ending.next) {
    case RequestRunner::Next::keep:
      next_or_close(c, true, ending.leading, ending.now_ns);
      return;
    case RequestRunner::Next::close:
      close(c);
      return;
    case RequestRunner::Next::linger:
      ready_.push_back(&c);
      return;
    case RequestRunner::Next::wait:
      return;
  }
}

void Loop::next_or_close(Connection& c, bool keep_alive, bool leading,
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
      ready_.push_back(&c);
    else
      resume(c);
  }
}

bool Loop::park(Connection& c, std::uint64_t now) {
  set_deadline(c, now);
  if (!c.registered) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &c;
    c.registered = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) == 0;
    if (!c.registered) {
      // ENOSPC, ENOMEM: without a watch it would hang for ever.
      log::error(last_error("watch connection").message(), {log::Id::resources_short});
      close(c);
      return true;
    }
  }
  if (c.kept && c.input.empty() && pool_.open() > 64) c.input.release();
  return c.ownership.park();
}

void Loop::set_deadline(Connection& c, std::uint64_t now) {
  std::uint64_t ms = 0;
  switch (c.stage.load(std::memory_order_relaxed)) {
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
    case Stage::closed:
      break;
  }
  c.deadline_ns.store(ms == 0 ? 0 : now + ms * 1'000'000, std::memory_order_relaxed);
}

void Loop::close(Connection& c) {
  pool_.give(c);
  if (drain_.under_way()) keeper_->wake();
}

}  // namespace monodon::worker

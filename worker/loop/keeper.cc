// SPDX-License-Identifier: Apache-2.0
// The keeper's rounds.
#include "worker/loop/keeper.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/machine/memory.h"
#include "base/process/process_title.h"
#include "worker/loop/loop.h"

namespace monodon::worker {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1'000 * kMs;
constexpr int kRestMs = 4'000;  // readers of heartbeats have more patience

}  // namespace

Keeper::Keeper(Loop& loop, Application& app) : loop_{loop}, app_{app}, outputs_{loop} {}
Keeper::~Keeper() {
  join();
}

void Keeper::start() {
  started_ns_ = active_ns_ = monotonic_ns();
  thread_ = std::thread{[this] { run(); }};
}

void Keeper::join() {
  if (!thread_.joinable()) return;
  wake();
  thread_.join();
}

void Keeper::wake() noexcept {
  outputs_.wake();
}

void Keeper::drain_began() noexcept {
  std::uint64_t never = 0;
  (void)drain_since_ns_.compare_exchange_strong(never, monotonic_ns());
  wake();
}

void Keeper::leave_now() noexcept {
  leave_wanted_ = true;
  wake();
}

void Keeper::let_go() noexcept {
  outputs_.let_go();
}

void Keeper::ask_for_stacks(UniqueFd reader) {
  {
    const std::lock_guard lock{stacks_mutex_};
    stacks_readers_.push_back(std::move(reader));
  }
  wake();
}

void Keeper::answer_for_stacks() {
  std::vector<UniqueFd> readers;
  {
    const std::lock_guard lock{stacks_mutex_};
    readers.swap(stacks_readers_);
  }
  if (readers.empty()) return;
  const std::string stacks = app_.dump_stacks();
  for (const UniqueFd& reader : readers)
    for (std::string_view left = stacks; !left.empty();) {
      const auto sent =
          ::send(reader.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) break;
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Keeper::run() {
  while (!loop_.drain().over()) {
    std::uint64_t now = monotonic_ns();
    int wait = interval_ms(now);
    sleep_ms_ = wait >= 1000 ? wait : 0;
    if (wait >= 1000) wait = interval_ms(now);  // what began meanwhile has not woken us
    outputs_.wait(wait);
    sleep_ms_ = 0;
    now = monotonic_ns();
    if (leave_wanted_) leave(true);
    answer_for_stacks();
    loop_.master().report_again();
    look_after_leader(now);
    look_after_requests(now);
    flush_log(now);
    if (elapsed_ns(swept_ns_, now) >= kSecond) {
      swept_ns_ = now;
      sweep(now);
      once_a_second(now);
    }
    loop_.acceptor().end_pause(now);
    loop_.sockets().ring_if_due(now);
    look_after_drain(now);
  }
}

// Nothing has happened for a while, and whoever begins to work wakes us.
bool Keeper::at_rest(std::uint64_t now) const {
  return elapsed_ns(active_ns_, now) >= 10 * kSecond && loop_.pool().open() == 0 &&
         std::ranges::all_of(loop_.threads(), [](const auto& t) {
           return t->tid() == 0 || t->excused();
         });
}

int Keeper::interval_ms(std::uint64_t now) {
  std::uint64_t begun = 0;
  bool busy = false;
  for (const auto& t : loop_.threads())
    begun += t->row.sequence.load(std::memory_order_relaxed);
  loop_.each_flight([&](const Flight& flight) { busy = busy || flight.busy(); });
  if (begun != requests_seen_ || busy) {
    // After a rest the first requests are watched closely: they may be the long ones.
    // Not for longer, since a round costs as much as a request.
    if (elapsed_ns(active_ns_, now) >= kSecond) close_look_ns_ = now + 20 * kMs;
    active_ns_ = now;
    requests_seen_ = begun;
  }
  if (drain_since_ns_ != 0) return 2;
  if (loop_.acceptor().paused()) return 50;
  if (elapsed_ns(active_ns_, now) >= kSecond) return at_rest(now) ? kRestMs : 1000;
  const bool closely =
      now < close_look_ns_ || elapsed_ns(long_seen_ns_, now) < 2 * kSecond;
  return closely ? 1 : 50;
}

void Keeper::flush_log(std::uint64_t now) {
  if (elapsed_ns(flushed_ns_, now) < 20 * kMs || !loop_.requests().access().pending())
    return;
  flushed_ns_ = now;
  loop_.requests().access().flush();
}

// A stay in the application that lasts from one round to the next is a long one.
void Keeper::look_after_leader(std::uint64_t now) {
  const auto stay = loop_.leadership().in_app();
  if (!stay || stay != stay_) {
    stay_ = stay;
    stay_since_ns_ = now;
    return;
  }
  if (elapsed_ns(stay_since_ns_, now) < kMs * 9 / 10) return;
  saw_long_request(now);
  if (!loop_.promote(*stay)) (void)loop_.stand_in(*stay);
}

// Every connection whose time is up and that nobody works on.
void Keeper::sweep(std::uint64_t now) {
  std::uint64_t idle = 0;
  const std::uint64_t patience = loop_.settings().write_timeout;
  loop_.pool().each([&](Connection& c) {
    const std::uint64_t stalled = c.stalled_ns.load(std::memory_order_relaxed);
    if (stalled != 0 && patience != 0 && elapsed_ns(stalled, now) >= patience * kMs)
      outputs_.give_up(c);
    const std::uint64_t deadline = c.deadline_ns.load(std::memory_order_relaxed);
    const Stage stage = c.stage.load(std::memory_order_relaxed);
    idle += stage == Stage::head ? 1 : 0;
    if (deadline == 0 || deadline > now || stage == Stage::closed) return;
    if (stage == Stage::writing) {
      close_expired(c);  // the keeper's own
    } else if (c.ownership.try_claim()) {
      if (c.deadline_ns.load(std::memory_order_relaxed) == deadline)
        close_expired(c);
      else if (!c.ownership.park())
        loop_.parking().resume(c);
    }
  });
  loop_.header().idle_connections.store(idle, std::memory_order_relaxed);
  loop_.header().open_connections.store(loop_.pool().open(), std::memory_order_relaxed);
}

void Keeper::close_expired(Connection& c) {
  const Stage stage = c.stage.load(std::memory_order_relaxed);
  const bool begun = stage == Stage::body || (stage == Stage::head && !c.input.empty());
  if (begun) {
    constexpr http::ParseError kLate{408, "the request did not arrive in time"};
    loop_.requests().tell_refusal(c, kLate);
    const std::string answer =
        http::error_response(kLate.status, kLate.reason, loop_.settings().server_header,
                             http::DateText{}.now());
    const iovec part{const_cast<char*>(answer.data()), answer.size()};
    (void)send_some(c.fd.get(), {&part, 1});
    scoreboard::add(loop_.header().late);
    loop_.requests().log_access({}, c, 408, 0, monotonic_ns(), answer);
  }
  loop_.parking().close(c);
}

void Keeper::once_a_second(std::uint64_t now) {
  const Settings& s = loop_.settings();
  if (look_for_hangs())
    loop_.header().heartbeat_ns.store(now, std::memory_order_relaxed);
  loop_.header().accept_pauses.store(loop_.acceptor().pauses(),
                                     std::memory_order_relaxed);
  loop_.header().log_lines_dropped.store(
      log::dropped() + loop_.requests().access().dropped(), std::memory_order_relaxed);
  show_title(now);
  if (s.max_lifetime != 0 && elapsed_ns(started_ns_, now) >= s.max_lifetime * kMs)
    loop_.master().ask_to_retire(wire::Retire::max_lifetime);
  // smaps_rollup walks the page tables: some milliseconds for a large process.
  if (s.max_memory == 0 || elapsed_ns(memory_looked_ns_, now) < 5 * kSecond) return;
  memory_looked_ns_ = now;
  const std::uint64_t bytes = pss_bytes();
  loop_.header().memory_bytes.store(bytes, std::memory_order_relaxed);
  if (bytes >= s.max_memory) loop_.master().ask_to_retire(wire::Retire::max_memory);
}

// A disk that does not answer, a close() that waits for somebody: whatever holds a
// thread between two requests. What holds the application has request_timeout.
bool Keeper::look_for_hangs() {
  bool leader_moves = true;
  const auto& threads = loop_.threads();
  liveness_.resize(threads.size());
  for (const auto& t : threads) {
    if (t->tid() == 0) continue;
    Liveness& liveness = liveness_[t->index];
    Liveness::Look look{.excused = t->excused(), .steps = t->steps()};
    ThreadSight sight;
    if (liveness.suspects(look.excused, look.steps)) {
      sight = look_at_thread(fmt::format("self/task/{}", t->tid()));
      look.cpu_ns = sight.cpu_ns;
      look.runnable = sight.runnable();
    }
    if (!liveness.hangs(look)) continue;
    if (!std::exchange(told_hang_, true)) report_hang(*t, sight);
    if (!loop_.leadership().leads(t->index)) continue;
    leader_moves = false;
    loop_.header().state.store(
        static_cast<std::uint32_t>(scoreboard::WorkerState::hanging),
        std::memory_order_relaxed);
    loop_.step_aside();
  }
  return leader_moves;
}

void Keeper::report_hang(const AppThread& t, const ThreadSight& sight) {
  const std::string what = fmt::format("thread {} hangs outside of the application: {}",
                                       t.index, describe(sight));
  log::error(what, {log::Id::worker_silent, {"thread", t.index}});
  loop_.master().report(wire::Kind::hangs, t.index, what);
}

// Shows in `ps` what has been running for a while; short requests would only flicker.
void Keeper::show_title(std::uint64_t now) {
  const std::string_view base = loop_.title();
  std::string title;
  loop_.each_flight([&](Flight& flight) {
    const std::uint64_t since = flight.running_since();
    if (!title.empty() || since == 0 || elapsed_ns(since, now) < 200 * kMs) return;
    Connection* c = flight.hold(since);
    if (c == nullptr) return;
    title = fmt::format("{} {} {}", base, c->head.method, c->head.path.substr(0, 80));
    flight.let_go();
  });
  if (!title.empty())
    set_title(title);
  else if (title_busy_)
    set_title(base);
  title_busy_ = !title.empty();
}

void Keeper::look_after_drain(std::uint64_t now) {
  const std::uint64_t since = drain_since_ns_;
  if (since == 0) return;
  loop_.parking().move_parked();
  const bool more_to_come = loop_.parking().last_resort();
  std::size_t running = 0;
  std::size_t expired = 0;
  loop_.each_flight([&](const Flight& flight) {
    running += flight.busy() ? 1 : 0;
    expired += flight.expired() ? 1 : 0;
  });
  if (loop_.pool().open() == 0 && running == 0 && !more_to_come) {
    loop_.stop();
    return;
  }
  // What is past its deadline has had its answer; nobody waits for it any more.
  if (expired != 0 && running == expired && loop_.pool().open() <= expired)
    leave(false);
  if (elapsed_ns(since, now) < loop_.settings().graceful_timeout * kMs) return;
  log::warning("graceful_timeout is over; leaving with requests unfinished",
               {log::Id::request_cut,
                {"running", static_cast<std::uint64_t>(running)},
                {"open_connections", static_cast<std::uint64_t>(loop_.pool().open())}});
  leave(false);
}

void Keeper::leave(bool told) {
  loop_.requests().access().flush();
  app_.leave_at_once(told);
  (void)loop_.master().tell(wire::Kind::drained);
  ::_exit(0);
}

}  // namespace monodon::worker

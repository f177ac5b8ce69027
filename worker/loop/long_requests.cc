// SPDX-License-Identifier: Apache-2.0
// What the keeper does about requests that take long.
#include <fmt/format.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/loop/keeper.h"
#include "worker/loop/loop.h"
#include "worker/loop/request_words.h"

namespace monodon::worker {
namespace {

constexpr std::uint64_t kOneMs = 1'000'000;
constexpr std::uint64_t kOneSecond = 1'000 * kOneMs;

}  // namespace

void Keeper::look_after_requests(std::uint64_t now) {
  loop_.each_flight([&](Flight& flight) { look_after_request(flight, now); });
}

void Keeper::look_after_request(Flight& flight, std::uint64_t now) {
  const Settings& s = loop_.settings();
  const std::uint64_t since = flight.running_since();
  if (since == 0) return look_after_expired(flight, now);
  const std::uint64_t age = elapsed_ns(since, now);
  const bool too_long =
      s.request_timeout != 0 && age >= s.request_timeout * kOneMs && !flight.exempt();
  const bool slow_now =
      s.slow_request != 0 && age >= s.slow_request * kOneMs && !flight.told_slow() &&
      !(loop_.interleaves() && flight.exchange.claimed_by_application());
  if (!too_long && !slow_now) return;
  Connection* c = flight.hold(since);
  if (c == nullptr) return;
  // One that has told nothing yet is told of as a whole by its end.
  if (slow_now) scoreboard::add(loop_.header().slow_requests);
  if (slow_now && !too_long) slow(flight, *c, age);
  if (too_long)
    expire(flight, *c, now);
  else
    flight.let_go();
}

namespace {

std::string name_of(const Flight& flight, const Connection& c) {
  return name_request(c.head.method, c.head.path, flight.request_id, c.origin);
}

}  // namespace

void Keeper::slow(Flight& flight, Connection& c, std::uint64_t age) {
  flight.set_told_slow();
  log::warning(fmt::format("{} is slow: it has run for {}{}", name_of(flight, c),
                           spell_ns(age), take_stacks(monotonic_ns())),
               {log::Id::request_slow,
                log::beside({"method", c.head.method}),
                log::beside({"path", c.head.path}),
                log::beside({"duration_us", age / 1000}),
                log::beside({"request_id", flight.request_id}),
                log::beside({"trace_id", c.origin.trace_id}),
                {"thread", flight.thread}});
}

// Requests that get stuck at the same thing do so at the same time: one look at all
// threads shows them all.
std::string Keeper::take_stacks(std::uint64_t now) {
  constexpr std::uint64_t kSameLook = 5 * kOneSecond;
  if (stacks_told_ns_ != 0 && elapsed_ns(stacks_told_ns_, now) < kSameLook)
    return "; where it is was logged just now, with the stacks of all threads";
  const std::string stacks = app_.dump_stacks();
  if (stacks.empty()) return {};
  stacks_told_ns_ = now;
  (void)loop_.master().tell(wire::Kind::slow, 0, stacks);
  return ":\n" + stacks;
}

// The request is past its deadline: the client hears 504 if it has heard nothing yet,
// else the connection breaks, so that half a response is not taken for a whole one.
//
// Where requests are interleaved, an answer that has been begun may last, and one that
// has not costs its task alone: the application is told to give it up.
void Keeper::expire(Flight& flight, Connection& c, std::uint64_t now) {
  const bool unanswered = flight.exchange.claim_for_keeper();
  if (!unanswered && loop_.interleaves()) {
    flight.set_exempt();
    flight.let_go();
    return;
  }
  if (unanswered) {
    const std::string answer =
        http::error_response(504, "the application took too long",
                             loop_.settings().server_header, http::DateText{}.now());
    const iovec part{const_cast<char*>(answer.data()), answer.size()};
    (void)send_some(c.fd.get(), {&part, 1});
  }
  (void)::shutdown(c.fd.get(), unanswered ? SHUT_WR : SHUT_RDWR);
  scoreboard::add(loop_.header().deadlines);
  const std::uint64_t age = elapsed_ns(c.received_ns, now);
  // What is interleaved is counted by its own thread, at its end.
  if (!loop_.interleaves())
    scoreboard::expire_request(flight.row, unanswered ? 504 : 0, c.body.size(), age);
  log::error(
      fmt::format("{} reached its deadline: it ran for {}, past request_timeout; its "
                  "client {}, and {}{}",
                  name_of(flight, c), spell_ns(age),
                  unanswered ? "has 504" : "was cut off in the middle of the answer",
                  loop_.interleaves() ? "its task is cancelled"
                                      : "this worker will be replaced",
                  flight.told_slow() ? "" : take_stacks(now)),
      {log::Id::request_deadline,
       log::beside({"method", c.head.method}),
       log::beside({"path", c.head.path}),
       log::beside({"duration_us", age / 1000}),
       log::beside({"request_timeout_ms", loop_.settings().request_timeout}),
       log::beside({"request_id", flight.request_id}),
       log::beside({"status", unanswered ? "504" : "cut"}),
       {"thread", flight.thread}});
  loop_.requests().log_access(flight.request_id, c, unanswered ? 504 : 0, 0, now, {});
  loop_.requests().access().flush();
  if (loop_.interleaves()) {
    loop_.flights().post(*c.flight, c.flight->serial, News::deadline);
    flight.expire(now);
    return;
  }
  const std::string what = fmt::format("{} {} ({}, id {})", c.head.method, c.head.path,
                                       spell_ns(age), flight.request_id);
  flight.expire(now);
  loop_.master().report(wire::Kind::stuck, flight.thread, what);
  app_.on_deadline();
}

// A task that was cancelled, and goes on all the same or never hears of it.
void Keeper::look_after_expired(Flight& flight, std::uint64_t now) {
  constexpr std::uint64_t kPatience = 5 * kOneSecond;
  const std::uint64_t since = loop_.interleaves() ? flight.expired_since() : 0;
  if (since == 0 || elapsed_ns(since, now) < kPatience || told_stuck_) return;
  told_stuck_ = true;
  log::error(fmt::format("a request goes on though its task was cancelled {} ago; this "
                         "worker will be replaced",
                         spell_ns(elapsed_ns(since, now))),
             {log::Id::request_deadline, {"thread", flight.thread}});
  loop_.master().report(wire::Kind::stuck, flight.thread,
                        "a request that was cancelled goes on");
}

}  // namespace monodon::worker

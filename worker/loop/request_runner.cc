// SPDX-License-Identifier: Apache-2.0
// What is done for each request, and written down about it.
#include "worker/loop/request_runner.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/net/statsd.h"
#include "base/process/own_process.h"
#include "worker/loop/keeper.h"
#include "worker/loop/recycle.h"
#include "worker/loop/static_files.h"
#include "worker/own_line.h"

namespace monodon::worker {

namespace {

// Seconds of wall time, as cheap as a clock can be (vDSO, no hardware read).
std::int64_t wall_seconds() noexcept {
  timespec t{};
  (void)::clock_gettime(CLOCK_REALTIME_COARSE, &t);
  return t.tv_sec;
}

// The proxy's clock and ours may differ: a time to come is no wait, and one that is
// long past is no time.
void count_queue_time(scoreboard::ThreadRow& row, std::uint64_t start_us) {
  constexpr std::uint64_t kMostUs = 3'600'000'000;
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  const std::uint64_t now_us = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U +
                               static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
  const std::uint64_t waited = now_us > start_us ? now_us - start_us : 0;
  if (waited <= kMostUs) scoreboard::note_queue_time(row, waited);
}

}  // namespace

RequestRunner::RequestRunner(const Heritage& heritage, MasterLine& master,
                             Application& app, const http::Forwarding& forwarding,
                             Leadership& leadership, const Drain& drain, Keeper& keeper,
                             Flights& flights, WebSockets& sockets)
    : heritage_{heritage},
      master_{master},
      app_{app},
      forwarding_{forwarding},
      leadership_{leadership},
      drain_{drain},
      keeper_{keeper},
      flights_{flights},
      sockets_{sockets},
      interleaves_{app.interleaves()},
      files_{StaticFiles::of(heritage.boot->settings)},
      access_{heritage.boot->settings},
      counts_{statsd::enabled()},
      max_requests_{retire_after(heritage.boot->settings, heritage.serial)} {}

RequestRunner::~RequestRunner() = default;

RequestRunner::Ending RequestRunner::run(Connection& c, AppThread& t) {
  if (const http::ParseError* refused = forwarding_.resolve(c.peer, c.head, c.origin))
    return refuse(c, *refused, t);
  if (files_) [[unlikely]]
    if (const auto file = files_->find(c.head.path)) return serve_file(c, t, *file);
  if (c.head.dropped_fields != 0) note_dropped_fields(t.row, c.head.dropped_fields);
  if (c.origin.start_us != 0) count_queue_time(t.row, c.origin.start_us);
  if (interleaves_) [[unlikely]]
    return launch(c, t);
  Flight& flight = t.flight;
  begin(flight, c, t, 0);
  const Request request = request_of(c, flight);
  t.set_waiting(true);  // it is the application's time
  leadership_.enter_app(t.index);
  app_.serve(request, flight.exchange);
  if (is_stranger()) ::_exit(0);  // forked in there, and came back in our place
  const bool leading = leadership_.leave_app(t.index);
  const bool expired = !flight.end();
  t.set_waiting(false);
  const Exchange::Result result = flight.exchange.complete();
  const std::uint64_t now = monotonic_ns();
  account(c, t, flight, result, expired, now);

  const Ending ending{Next::close, leading, now, elapsed_ns(c.received_ns, now)};
  if (!expired) return ending_of(c, result, ending);
  c.end_tells = result.end_tells;
  return ending;
}

void RequestRunner::begin(Flight& flight, Connection& c, AppThread& t,
                          std::uint64_t serial) {
  flight.take_request_id(c.origin.request_id, t.ids);
  flight.exchange.start(c, drain_, t.date.now(), flight.request_id, serial);
  scoreboard::begin_request(t.row, c.head.method, c.head.target, c.origin.remote_addr,
                            flight.request_id, c.received_ns);
  flight.begin(c, c.received_ns);
  keeper_.request_began();
}

RequestRunner::Ending RequestRunner::ending_of(Connection& c,
                                               const Exchange::Result& result,
                                               Ending ending) {
  bool keep_alive = result.keep_alive;
  c.end_tells = result.end_tells;
  if (result.shared && keeper_.outputs().finish(c, keep_alive))
    ending.next = Next::wait;
  else if (keep_alive)
    ending.next = Next::keep;
  return ending;
}

// Nothing of the application, so no deadline of its either: the leader stays the
// leader, and a disk that does not answer is seen as its standing still.
RequestRunner::Ending RequestRunner::serve_file(Connection& c, AppThread& t,
                                                const NamedFile& file) {
  Flight& flight = t.flight;
  flight.take_request_id(c.origin.request_id, t.ids);
  flight.exchange.start(c, drain_, t.date.now(), flight.request_id);
  files_->answer(file, c.head, wall_seconds(), flight.exchange);
  const Exchange::Result result = flight.exchange.complete();
  const std::uint64_t now = monotonic_ns();
  scoreboard::add(t.row.static_files);
  scoreboard::end_request(t.row, result.status, c.body.size(), result.body_bytes,
                          now - c.received_ns,
                          elapsed_ns(c.received_ns, result.first_byte_at_ns));
  log_access(flight.request_id, c, result.status, result.body_bytes, now,
             flight.exchange.head());
  return ending_of(c, result, {Next::close, true, now, elapsed_ns(c.received_ns, now)});
}

void RequestRunner::note_dropped_fields(scoreboard::ThreadRow& row,
                                        std::uint32_t count) {
  scoreboard::add(row.dropped_fields, count);
  if (told_dropped_.exchange(true)) return;
  log::warning(
      "dropped header fields with an underscore in their names (header_map) or named "
      "Proxy, since CGI could confuse them with others; logged once, then counted in "
      "monodon_header_fields_dropped_total",
      {log::Id::configuration_warning});
}

Request RequestRunner::request_of(Connection& c, const Flight& flight) const {
  Request request;
  request.head = &c.head;
  request.body = &c.body;
  request.listener = &heritage_.boot->listeners[c.listener];
  request.remote_addr = c.origin.remote_addr;
  request.remote_port = c.origin.remote_port;
  request.scheme = c.origin.scheme;
  request.script_name = c.origin.script_name;
  request.path_info = c.origin.path_info;
  request.request_id = flight.request_id;
  request.received_ns = c.received_ns;
  return request;
}

// Counters and log, for what has been answered. A request past its deadline was
// written down by the keeper when it struck.
void RequestRunner::account(Connection& c, AppThread& t, Flight& flight,
                            const Exchange::Result& r, bool expired,
                            std::uint64_t now) {
  if (now - c.received_ns >= Keeper::kLongNs) keeper_.saw_long_request(now);
  if (r.failed) scoreboard::add(t.row.errors);
  scoreboard::add(t.row.busy_ns, elapsed_ns(c.received_ns, now));
  if (r.lock_wait_ns != 0) scoreboard::add(t.row.lock_wait_ns, r.lock_wait_ns);
  if (expired && interleaves_) {
    scoreboard::end_request(t.row, 504, c.body.size(), 0, now - c.received_ns);
  } else if (expired) {
    scoreboard::end_expired(t.row);
  } else {
    scoreboard::end_request(t.row, r.status, c.body.size(), r.body_bytes,
                            now - c.received_ns,
                            elapsed_ns(c.received_ns, r.first_byte_at_ns));
    log_access(flight.request_id, c, r.status, r.body_bytes, now,
               flight.exchange.head());
    if (t.sightings.due(now))
      t.sightings.look(t.row, c.head, c.origin, r.failed ? 500 : r.status,
                       now - c.received_ns, now);
  }
  count_request();
}

void RequestRunner::count_request() {
  if (max_requests_ != 0 && requests_.fetch_add(1) + 1 == max_requests_)
    master_.ask_to_retire(wire::Retire::max_requests);
}

bool RequestRunner::is_skipped(const Connection& c, int status) const {
  constexpr int kFirstError = 400;
  const auto& paths = heritage_.boot->settings.access_log_skip;
  return c.head_size != 0 && status < kFirstError &&
         std::ranges::find(paths, c.head.path) != paths.end();
}

void RequestRunner::log_access(std::string_view request_id, const Connection& c,
                               int status, std::uint64_t body_bytes,
                               std::uint64_t now_ns, std::string_view response_head,
                               std::uint16_t close_code) {
  const std::uint64_t duration_us =
      c.received_ns != 0 ? (now_ns - c.received_ns) / 1000 : 0;
  if (counts_ && status != 101) [[unlikely]]
    statsd::request(status, duration_us);
  if (!access_.enabled()) return;
  std::string_view text;
  const OwnLine::Way way = OwnLine::take(text);
  if (!heritage_.boot->settings.access_log_skip.empty() && is_skipped(c, status))
    return;
  if (way == OwnLine::Way::none) return;
  if (way == OwnLine::Way::text) return access_.add(text, now_ns);
  AccessRecord record;
  record.head = c.head_size != 0 ? &c.head : nullptr;
  record.remote_addr =
      c.origin.remote_addr.empty() ? c.peer.address : c.origin.remote_addr;
  record.scheme = c.origin.scheme;
  record.trace_id = c.origin.trace_id;
  record.request_id = request_id;
  record.response_head = response_head;
  record.status = status;
  record.close_code = close_code;
  record.body_bytes = body_bytes;
  record.duration_us = duration_us;
  record.wall_seconds = wall_seconds();
  access_.add(record, now_ns);
}

void RequestRunner::tell_refusal(const Connection& c, const http::ParseError& why) {
  const auto [tell, untold] = refusals_.note(why.reason, monotonic_ns());
  if (!tell) return;
  const std::string_view peer =
      c.peer.address.empty() ? std::string_view{"a Unix socket"} : c.peer.address;
  log::info(fmt::format("request refused with {}: {}", why.status, why.reason),
            {log::Id::request_refused,
             log::beside({"status", why.status}),
             log::beside({"reason", why.reason}),
             {"peer", peer},
             {"client", c.head_size != 0 ? c.origin.remote_addr : std::string_view{}},
             {"more_before", untold}});
}

RequestRunner::Ending RequestRunner::refuse(Connection& c, const http::ParseError& why,
                                            AppThread& t) {
  scoreboard::add(t.row.refused);
  tell_refusal(c, why);
  const bool head_only = c.head_size != 0 && c.head.method == "HEAD";
  const std::string answer = http::error_response(
      why.status, why.reason, heritage_.boot->settings.server_header, t.date.now(),
      head_only);
  const iovec part{const_cast<char*>(answer.data()), answer.size()};
  // A client that does not even take this much has no claim to it.
  (void)send_some(c.fd.get(), {&part, 1});
  (void)::shutdown(c.fd.get(), SHUT_WR);
  if (c.received_ns == 0) c.received_ns = monotonic_ns();
  const std::uint64_t now = monotonic_ns();
  scoreboard::end_request(t.row, why.status, 0, 0, now - c.received_ns);
  log_access({}, c, why.status, 0, now, answer);
  return {linger(c), true, now, 0};
}

RequestRunner::Next RequestRunner::linger(Connection& c) {
  c.input.clear();
  c.head_size = 0;
  c.stage.store(Stage::linger, std::memory_order_relaxed);
  c.deadline_ns.store(0, std::memory_order_relaxed);
  return Next::linger;
}

}  // namespace monodon::worker

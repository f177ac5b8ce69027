// SPDX-License-Identifier: Apache-2.0
// A request as it arrives: its head, its body, or why it is none.
#include "worker/loop/reader.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/process/closer.h"
#include "base/process/passed_fds.h"
#include "worker/loop/request_words.h"

namespace monodon::worker {

namespace {

constexpr std::uint64_t kTellAgainNs = 10'000'000'000;

// Who sends descriptors speaks no HTTP. Nobody but a client of a Unix socket can.
[[gnu::noinline]] ssize_t receive_from_stranger(Connection& c, std::span<char> to) {
  std::vector<UniqueFd> strangers;
  const ssize_t n = receive_guarded(c.fd.get(), to, strangers);
  if (strangers.empty()) return n;
  Closer::of_process().close(std::move(strangers));
  static std::atomic<std::uint64_t> told{0};
  const std::uint64_t now = monotonic_ns();
  std::uint64_t last = told.load();
  if ((last == 0 || now - last >= kTellAgainNs) &&
      told.compare_exchange_strong(last, now))
    log::warning("a client of a Unix socket sent file descriptors and was cut off",
                 {log::Id::descriptors_refused});
  errno = EPROTO;
  return -1;
}

bool nothing_there(ssize_t n) {
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace

ssize_t receive(Connection& c, char* to, std::size_t size) {
  if (c.guarded) return receive_from_stranger(c, {to, size});
  ssize_t n;
  do {
    n = ::recv(c.fd.get(), to, size, MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  return n;
}

Reader::Reader(const Settings& settings, const http::Forwarding& forwarding,
               Moment& moment)
    : settings_{settings},
      forwarding_{forwarding},
      moment_{moment},
      scratch_{new char[kScratch]} {
  limits_.request_line = settings.limit_request_line;
  limits_.fields = settings.limit_request_fields;
  limits_.field_size = settings.limit_request_field_size;
  limits_.underscores = forwarding.underscores();
  limits_.forwarder_names = forwarding.forwarder_names();
}

Reader::Outcome Reader::refuse(int status, const char* reason) {
  refusal_ = {status, reason};
  return Outcome::refused;
}

bool Reader::exceeds_limit(std::uint64_t have, std::uint64_t more) const noexcept {
  const std::uint64_t limit = settings_.limit_request_body;
  return limit != 0 && (have > limit || more > limit - have);
}

Reader::Outcome Reader::refuse_body() {
  return refuse(413, "the request body is larger than limit_request_body");
}

Reader::Outcome Reader::advance(Connection& c) {
  switch (c.stage.load(std::memory_order_relaxed)) {
    case Stage::preface:
      return preface(c);
    case Stage::head:
      return head(c);
    case Stage::body:
      return body(c);
    case Stage::ready:
      return Outcome::whole;
    case Stage::linger:
      return linger(c);
    case Stage::closed:
    case Stage::upgraded:
    case Stage::writing:
      break;
  }
  return Outcome::closed;
}

bool Reader::fill(Connection& c, Outcome& outcome) {
  outcome = Outcome::closed;
  if (c.end_of_input) return false;
  char* to = c.input.reserve(2048);
  const std::size_t room = c.input.room();
  const ssize_t n = receive(c, to, room);
  if (nothing_there(n)) outcome = Outcome::wait;
  if (n < 0) return false;
  if (n == 0) c.end_of_input = true;
  c.more = static_cast<std::size_t>(n) == room;
  c.input.commit(static_cast<std::size_t>(n));
  return true;
}

// Once for a connection, and only where a setting asks for it.
Reader::Outcome Reader::preface(Connection& c) {
  for (;;) {
    auto header = http::read_proxy_header(c.input.view(), forwarding_.proxy_versions());
    if (header.state == http::Parse::failed)
      return refuse(header.error.status, header.error.reason);
    if (header.state == http::Parse::complete) {
      if (header.consumed != 0 && !forwarding_.may_proxy(c.peer))
        return refuse(403, "a PROXY header of a peer that is not in proxy_allow_ips");
      c.input.consume(header.consumed);
      c.proxied = !header.client.empty();
      if (c.proxied)
        c.peer = forwarding_.identify(std::move(header.client), header.port);
      c.stage.store(Stage::head, std::memory_order_relaxed);
      return head(c);
    }
    if (Outcome outcome{}; !fill(c, outcome)) return outcome;
  }
}

Reader::Outcome Reader::head(Connection& c) {
  for (;;) {
    if (!c.input.empty()) {
      const auto result = http::parse_head(c.input.view(), limits_, c.scanned, c.head);
      if (result.state == http::Parse::failed)
        return refuse(result.error.status, result.error.reason);
      if (result.state == http::Parse::complete) {
        c.head_size = result.consumed;
        c.received_ns = moment_.now();
        return begin_body(c);
      }
    }
    if (Outcome outcome{}; !fill(c, outcome)) return outcome;
  }
}

Reader::Outcome Reader::begin_body(Connection& c) {
  const http::RequestHead& head = c.head;
  if (head.framing == http::Framing::none) {
    c.stage.store(Stage::ready, std::memory_order_relaxed);
    return Outcome::whole;
  }
  if (head.framing == http::Framing::length) {
    if (exceeds_limit(0, head.content_length)) return refuse_body();
    c.body_left = head.content_length;
  }
  c.stage.store(Stage::body, std::memory_order_relaxed);
  if (const Outcome first = body_from_input(c); first != Outcome::wait) return first;
  if (head.expect_continue && c.body.size() == 0 && c.input.size() == c.head_size) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const iovec p{const_cast<char*>(kContinue.data()), kContinue.size()};
    // A client whose buffer is full before it got anything will not be helped by it.
    (void)send_some(c.fd.get(), {&p, 1});
  }
  return body(c);
}

// What came along with the head. Used bytes join the head's part of the input, so that
// the views of the head stay where they are.
Reader::Outcome Reader::body_from_input(Connection& c) {
  std::size_t used = 0;
  const Outcome result = feed(c, c.input.view().substr(c.head_size), used);
  c.head_size += used;
  return result;
}

Reader::Outcome Reader::body(Connection& c) {
  for (std::size_t turn = 0; turn < kTurn;) {
    // With a known length nothing is read that belongs to the next request.
    const std::size_t most =
        c.head.framing == http::Framing::length
            ? static_cast<std::size_t>(std::min<std::uint64_t>(c.body_left, kScratch))
            : kScratch;
    const ssize_t n = receive(c, scratch_.get(), most);
    if (nothing_there(n)) return Outcome::wait;
    if (n <= 0) return Outcome::closed;
    c.more = static_cast<std::size_t>(n) == most;
    const std::string_view bytes{scratch_.get(), static_cast<std::size_t>(n)};
    turn += bytes.size();
    std::size_t used = 0;
    const Outcome result = feed(c, bytes, used);
    if (result == Outcome::whole && used < bytes.size()) {
      // Pipelined bytes behind a chunked body. Appending may move the buffer, so the
      // head is read again where it is now.
      c.input.append(bytes.substr(used));
      c.scanned = 0;
      (void)http::parse_head(c.input.view(), limits_, c.scanned, c.head);
    }
    if (result != Outcome::wait) return result;
  }
  return Outcome::yield;
}

Reader::Outcome Reader::feed(Connection& c, std::string_view bytes, std::size_t& used) {
  if (c.head.framing == http::Framing::length) {
    used = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), c.body_left));
    c.body_left -= used;
    const Outcome stored = store(c, bytes.substr(0, used));
    if (stored != Outcome::wait || c.body_left != 0) return stored;
    c.stage.store(Stage::ready, std::memory_order_relaxed);
    return Outcome::whole;
  }
  for (;;) {
    const auto step = c.chunked.step(bytes.substr(used));
    used += step.consumed;
    if (step.state == http::Parse::failed)
      return refuse(step.error.status, step.error.reason);
    if (const Outcome stored = store(c, step.data); stored != Outcome::wait)
      return stored;
    // A chunk that will be too large is refused when it is announced.
    if (exceeds_limit(c.body.size(), c.chunked.announced())) return refuse_body();
    if (step.state == http::Parse::complete) {
      c.stage.store(Stage::ready, std::memory_order_relaxed);
      return Outcome::whole;
    }
    if (step.consumed == 0 && step.data.empty()) return Outcome::wait;
  }
}

Reader::Outcome Reader::store(Connection& c, std::string_view bytes) {
  if (bytes.empty()) return Outcome::wait;
  if (exceeds_limit(c.body.size(), bytes.size())) return refuse_body();
  const auto stored = c.body.append(bytes);
  if (stored) return Outcome::wait;
  log::error(
      name_request(c.head.method, c.head.path, c.origin.request_id, c.origin) +
          ": request body cannot be spooled: " + stored.error().message(),
      {log::Id::resources_short, log::beside({"error", stored.error().message()}),
       log::beside({"directory", settings_.spool_directory}),
       log::beside({"method", c.head.method}), log::beside({"path", c.head.path})});
  const int code = stored.error().code;
  return code == 0 || code == ENOSPC || code == EDQUOT
             ? refuse(507, "no space for the request body")
             : refuse(503, "the request body cannot be stored");
}

// After a refusal: closing with unread bytes would reset the connection and could
// destroy the answer before the client has read it (RFC 9112 9.6).
Reader::Outcome Reader::linger(Connection& c) {
  for (std::size_t turn = 0; turn < kTurn;) {
    const ssize_t n = receive(c, scratch_.get(), kScratch);
    if (nothing_there(n)) return Outcome::wait;
    if (n <= 0) return Outcome::closed;
    turn += static_cast<std::size_t>(n);
  }
  return Outcome::yield;
}

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
// The application's answer as bytes for the client.
#include "worker/loop/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/net/statsd.h"
#include "base/process/own_process.h"
#include "base/text/text.h"
#include "worker/http/chars.h"
#include "worker/loop/request_words.h"

namespace monodon::worker {

namespace {

iovec part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

bool valid(const http::Field& field) {
  namespace chars = http::chars;
  return !field.name.empty() && std::ranges::all_of(field.name, [](char c) {
    return chars::is(c, chars::kToken);
  }) && std::ranges::none_of(field.value, [](char c) {
    return chars::is(c, chars::kControl);
  });
}

}  // namespace

void tell_short_file(std::uint64_t missing, std::string_view path) {
  log::error(
      "response body is cut short: its file became shorter, or cannot be read to its "
      "end",
      {log::Id::response_invalid, {"missing", missing}, {"path", path}});
}

void Exchange::start(Connection& connection, const Drain& drain, std::string_view date,
                     std::string_view request_id, std::uint64_t serial) {
  c_ = &connection;
  request_id_ = request_id;
  serial_ = serial;
  drain_ = &drain;
  date_ = date;
  claim_.store(Claim::nobody, std::memory_order_relaxed);
  head_.clear();
  plan_ = {};
  body_bytes_ = first_byte_at_ns_ = lock_wait_ns_ = 0;
  begun_ = sent_ = shared_ = finished_ = gone_ = failed_ = excess_told_ = false;
}

std::string Exchange::take_head(const http::ResponseHead& head) {
  if (sent_) return "the response has been begun and its head was sent already";
  head_.clear();
  begun_ = false;
  return http::write_fields(head, config_.hop_by_hop, head_, fields_);
}

std::string Exchange::begin(std::optional<std::uint64_t> known_length) {
  http::ResponseContext context;
  context.request = &c_->head;
  context.may_keep_alive = drain_->hands_on();
  context.server = config_.server;
  context.date = date_;
  context.known_length = known_length;
  auto written = http::finish_head(fields_, context, head_);
  if (!written.error.empty()) return std::move(written.error);
  plan_ = written.plan;
  begun_ = true;
  return {};
}

Taken Exchange::write(std::string_view data) {
  if (begun_ && !finished_ && !gone_ && !data.empty() && allowed(data.size()) == 0)
    return Taken::unwanted;
  return send_body(data, false) ? Taken::sent : Taken::gone;
}

void Exchange::finish(std::string_view data) {
  (void)send_body(data, true);
  finished_ = true;
}

// How many of `size` more body bytes may be sent.
std::uint64_t Exchange::allowed(std::uint64_t size) {
  std::uint64_t most = size;
  if (!plan_.body_allowed) {
    most = 0;
  } else if (plan_.framing == http::Framing::length) {
    most = std::min(size, plan_.content_length - body_bytes_);
  }
  if (most < size && !excess_told_ && c_->head.method != "HEAD") {
    excess_told_ = true;
    log::warning(name() + ": response body is longer than allowed and was cut",
                 {log::Id::response_invalid,
                  {"status", plan_.status},
                  {"content_length", plan_.body_allowed ? plan_.content_length : 0U},
                  log::beside({"path", c_->head.path}),
                  log::beside({"request_id", request_id_})});
  }
  return most;
}

bool Exchange::send_body(std::string_view data, bool last) {
  if (!begun_ || finished_ || gone_) return false;
  if (!sent_ && !last) first_byte_at_ns_ = monotonic_ns();
  data = data.substr(0, allowed(data.size()));
  std::array<iovec, 4> parts;
  std::size_t n = 0;
  std::array<char, 24> line;
  if (!sent_) parts[n++] = part(head_);
  if (plan_.framing == http::Framing::chunked && plan_.body_allowed) {
    if (!data.empty()) {
      const auto end =
          fmt::format_to_n(line.data(), line.size(), "{:x}\r\n", data.size());
      parts[n++] = {line.data(), end.size};
      parts[n++] = part(data);
      parts[n++] = part(last ? "\r\n0\r\n\r\n" : "\r\n");
    } else if (last) {
      parts[n++] = part("0\r\n\r\n");
    }
  } else if (!data.empty()) {
    parts[n++] = part(data);
  }
  body_bytes_ += data.size();
  return n == 0 || emit({parts.data(), n});
}

bool Exchange::claim() {
  if (sent_) return true;
  Claim seen = Claim::nobody;
  sent_ = claim_.compare_exchange_strong(seen, Claim::application);
  if (!sent_) lost();
  return sent_;
}

bool Exchange::emit(std::span<const iovec> parts) {
  if (gone_ || is_stranger() || !claim()) return false;
  if (shared_) return keep(parts, 0);
  std::size_t total = 0;
  for (const iovec& p : parts) total += p.iov_len;
  const ssize_t n = send_some(c_->fd.get(), parts);
  if (n == static_cast<ssize_t>(total)) return true;
  if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    lost();
    return false;
  }
  return keep(parts, n < 0 ? 0 : static_cast<std::size_t>(n));
}

// Copies what the client did not take; waits only when even the spool is full.
bool Exchange::keep(std::span<const iovec> parts, std::size_t skip) {
  std::unique_lock lock{c_->output_mutex};
  if (!c_->output_broken) {
    for (const iovec& p : parts) {
      const std::string_view bytes{static_cast<const char*>(p.iov_base), p.iov_len};
      const std::size_t cut = std::min(skip, bytes.size());
      skip -= cut;
      c_->output.append(bytes.substr(cut), config_.limits);
    }
    shared_ = c_->output_shared = true;
    if (!finisher_.watch_output(*c_)) c_->output_broken = true;
    const auto room = [&] {
      return c_->output_broken || !c_->output.full(config_.limits);
    };
    const std::chrono::milliseconds patience{config_.write_timeout_ms};
    if (config_.waits && !c_->output_taken.wait_for(lock, patience, room))
      c_->output_broken = true;
  }
  if (c_->output_broken) lost();
  return !gone_;
}

bool Exchange::congested() {
  if (!shared_) return false;
  const std::lock_guard lock{c_->output_mutex};
  if (c_->output_broken) lost();
  if (c_->output_broken || c_->output.size() < kHighWater) return false;
  c_->wants_room = serial_;
  c_->stalled_ns.store(monotonic_ns(), std::memory_order_relaxed);
  return true;
}

bool Exchange::send_file(int fd, std::uint64_t offset, std::uint64_t count) {
  if (!begun_ || finished_ || gone_ || is_stranger()) return false;
  if (!sent_) first_byte_at_ns_ = monotonic_ns();
  count = allowed(count);
  const bool chunked = plan_.framing == http::Framing::chunked && count != 0;
  const std::string line = chunked ? fmt::format("{:x}\r\n", count) : std::string{};
  const std::array<iovec, 2> before{part(sent_ ? std::string_view{} : head_),
                                    part(line)};
  if ((!sent_ || chunked) && !emit(before)) return false;
  body_bytes_ += count;
  if (count != 0 && !send_file_now(fd, offset, count)) return false;
  const iovec after = part("\r\n");
  return !chunked || emit({&after, 1});
}

bool Exchange::send_file_now(int fd, std::uint64_t offset, std::uint64_t count) {
  while (!shared_ && count != 0) {
    const ssize_t n = send_file_part(c_->fd.get(), fd, offset, count);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n == 0) tell_short_file(count, c_->head.path);
    if (n <= 0) {
      lost();
      return false;
    }
    offset += static_cast<std::uint64_t>(n);
    count -= static_cast<std::uint64_t>(n);
  }
  return count == 0 || keep_file(fd, offset, count);
}

bool Exchange::keep_file(int fd, std::uint64_t offset, std::uint64_t count) {
  const std::lock_guard lock{c_->output_mutex};
  if (!c_->output_broken) {
    if (auto kept = c_->output.append_file(fd, offset, count); !kept) {
      log::error(name() + ": " + kept.error().message(),
                 {log::Id::resources_short, log::beside({"path", c_->head.path}),
                  log::beside({"request_id", request_id_})});
      c_->output_broken = true;
    } else {
      shared_ = c_->output_shared = true;
      if (!finisher_.watch_output(*c_)) c_->output_broken = true;
    }
  }
  if (c_->output_broken) lost();
  return !gone_;
}

std::string Exchange::switch_protocols(std::span<const http::Field> fields,
                                       std::string_view own) {
  head_.clear();
  std::string refusal = http::write_switch(fields, own, config_.server, date_, head_);
  if (!refusal.empty()) return refusal;
  plan_ = {};
  plan_.status = 101;
  plan_.body_allowed = plan_.keep_alive = false;
  begun_ = finished_ = true;
  const iovec p = part(head_);
  (void)emit({&p, 1});
  return {};
}

void Exchange::pass(std::string_view bytes) {
  body_bytes_ += bytes.size();
  const iovec p = part(bytes);
  (void)emit({&p, 1});
}

bool Exchange::all_taken() {
  if (!shared_) return true;
  const std::lock_guard lock{c_->output_mutex};
  return c_->output.empty();
}

void Exchange::early_hints(std::span<const http::Field> fields) {
  if (sent_ || gone_ || is_stranger() || c_->head.minor_version == 0) return;
  std::string text = "HTTP/1.1 103 Early Hints\r\n";
  for (const http::Field& f : fields) {
    if (!valid(f)) {
      log::warning(name() + ": early hint is not a valid field and was dropped",
                   {log::Id::response_invalid,
                    {"name", f.name},
                    log::beside({"path", c_->head.path})});
      continue;
    }
    fmt::format_to(std::back_inserter(text), "{}: {}\r\n", f.name, f.value);
  }
  text += "\r\n";
  // Not the final response: it claims nothing, and a client that is too slow for it
  // is better off without.
  const iovec p = part(text);
  const ssize_t n = send_some(c_->fd.get(), {&p, 1});
  if (n > 0 && n < static_cast<ssize_t>(text.size())) lost();
}

std::string Exchange::name() const {
  return name_request(c_->head.method, c_->head.path, request_id_, c_->origin);
}

void Exchange::fail(std::string_view why) {
  failed_ = true;
  // The exception in the first line, the way to it below.
  std::string text = name();
  text += ": ";
  text += first_line(why);
  if (const auto exception = last_line(why); exception != first_line(why)) {
    text += ": ";
    text += exception;
    text += why.substr(first_line(why).size());
  }
  {
    const statsd::Uncounted quiet;  // as an error: to Gunicorn it is an exception
    log::error(
        text,
        {log::Id::application_error, log::beside({"method", c_->head.method}),
         log::beside({"path", c_->head.path}), log::beside({"request_id", request_id_}),
         log::beside({"trace_id", c_->origin.trace_id}),
         log::beside({"remote_addr", c_->origin.remote_addr})});
  }
  statsd::count_line("exception");
  if (!sent_ && !finished_ && !gone_) {
    head_ =
        http::error_response(500, "", config_.server, date_, c_->head.method == "HEAD");
    plan_ = {};
    plan_.status = 500;
    plan_.keep_alive = false;
    const iovec p = part(head_);
    (void)emit({&p, 1});
  }
  begun_ = false;
  finished_ = true;
}

Exchange::Result Exchange::complete() {
  if (!finished_ && !gone_) {
    if (!sent_)
      fail(begun_ ? "the application did not finish its response"
                  : "the application did not answer");
    plan_.keep_alive = false;
  }
  Result result;
  if (sent_) result.status = plan_.status;
  result.body_bytes = body_bytes_;
  result.failed = failed_;
  result.keep_alive = plan_.keep_alive && !gone_ && !failed_;
  if (!gone_ && !failed_ && plan_.body_allowed &&
      plan_.framing == http::Framing::length && body_bytes_ < plan_.content_length) {
    result.failed = true;
    result.keep_alive = false;
    log::error(name() + ": response body is shorter than its Content-Length",
               {log::Id::response_invalid,
                {"content_length", plan_.content_length},
                {"sent", body_bytes_},
                log::beside({"path", c_->head.path}),
                log::beside({"request_id", request_id_})});
  }
  result.end_tells = result.failed || !finished_ ||
                     (plan_.framing == http::Framing::none && plan_.body_allowed);
  result.shared = shared_;
  result.first_byte_at_ns = first_byte_at_ns_;
  result.lock_wait_ns = lock_wait_ns_;
  return result;
}

}  // namespace monodon::worker

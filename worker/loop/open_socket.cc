// SPDX-License-Identifier: Apache-2.0
// Bytes of one WebSocket, in both directions.
#include "worker/loop/open_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "worker/loop/flights.h"
#include "worker/loop/reader.h"
#include "worker/loop/websockets.h"
#include "worker/websocket/accept_key.h"
#include "worker/websocket/handshake.h"

namespace monodon::worker {
namespace {

constexpr std::size_t kMostInTurn = 256UL * 1024;
constexpr std::size_t kKeptCapacity = 4096;
constexpr std::size_t kKeptMessages = 4;
constexpr std::uint16_t kNormal = 1000;
constexpr std::uint16_t kLost = 1006;
constexpr std::uint16_t kUnanswered = 1011;
constexpr std::uint64_t kNsOfMs = 1'000'000;

}  // namespace

std::vector<std::string_view> OpenSocket::offered() const {
  return websocket::subprotocols_of(flight_.connection->head);
}

std::string OpenSocket::accept(std::string_view subprotocol,
                               std::span<const http::Field> fields) {
  const auto all = offered();
  std::string own =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  own += websocket::accept_key(websocket::key_of(flight_.connection->head));
  own += "\r\n";
  if (!subprotocol.empty()) {
    if (std::ranges::find(all, subprotocol) == all.end())
      return "the client does not offer that subprotocol";
    own.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  }
  std::string refusal = flight_.exchange.switch_protocols(fields, own);
  if (!refusal.empty()) return refusal;
  if (flight_.exchange.gone()) {
    lose();
    return {};
  }
  accepted_ = true;
  heard_ns_ = monotonic_ns();
  of_.opened(flight_);
  return {};
}

bool OpenSocket::receive(Message& message) {
  if (next_ == messages_.size()) return false;
  const bool was_paused = paused();
  message = std::move(messages_[next_++]);
  bytes_ -= message.payload.size();
  if (next_ == messages_.size()) {
    next_ = 0;
    messages_.clear();
    if (messages_.capacity() > kKeptMessages) messages_ = {};
  }
  if (was_paused && !paused() && !session_.over()) of_.read_later(flight_);
  return true;
}

bool OpenSocket::send(bool text, std::string_view payload) {
  using websocket::Opcode;
  if (over_ || !session_.send(text ? Opcode::text : Opcode::binary, payload))
    return false;
  push();
  return !over_;
}

void OpenSocket::close(std::uint16_t code, std::string_view reason) {
  if (over_) return;
  // Some are for what is in no frame: 1005 says that there was none.
  session_.close(websocket::may_be_sent(code) ? code : 0, reason);
  push();
  end(code, reason);
}

// Congested: its end is news, and brings us here again.
void OpenSocket::push() {
  if (session_.has_output() && !flight_.exchange.congested()) push_all();
}

void OpenSocket::finish() {
  close(kNormal, {});
  if (session_.has_output()) push_all();
}

void OpenSocket::push_all() {
  std::string& bytes = session_.output();
  flight_.exchange.pass(bytes);
  if (bytes.capacity() > kKeptCapacity)
    bytes = {};
  else
    bytes.clear();
  if (flight_.exchange.gone()) lose();
}

void OpenSocket::end(std::uint16_t code, std::string_view reason) {
  if (std::exchange(over_, true)) return;
  code_ = code;
  reason_ = reason;
  news_ = true;
  rest_ = {};
  if (accepted_) of_.read_later(flight_);  // so that it is told
}

void OpenSocket::lose() {
  lost_ = true;
  session_.lose();
  end(kLost, {});
}

bool OpenSocket::lingers() const noexcept {
  return !lost_ && (!session_.over() || session_.failed());
}

bool OpenSocket::take_news() noexcept {
  return std::exchange(news_, false);
}

bool OpenSocket::read(std::span<char> scratch, std::uint64_t now_ns) {
  Connection& c = *flight_.connection;
  if (!std::exchange(began_, true)) rest_ = c.input.view().substr(c.head_size);
  if (!rest_.empty() && !paused()) {
    std::string bytes = std::move(rest_);
    rest_.clear();
    take(bytes.data(), bytes.size());
  }
  for (std::size_t turn = 0; !paused() && !session_.over();) {
    if (turn >= kMostInTurn) return false;
    const ssize_t n = worker::receive(c, scratch.data(), scratch.size());
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0) {
      lose();
      break;
    }
    heard_ns_ = now_ns;
    unanswered_ns_ = 0;
    const auto count = static_cast<std::size_t>(n);
    turn += count;
    take(scratch.data(), count);
    if (count < scratch.size() && !c.hangup) break;
  }
  push();
  // Who has said its last word sees the end of the connection at once, also when the
  // application takes its time.
  if (session_.over() && !session_.has_output() && flight_.exchange.all_taken())
    (void)::shutdown(c.fd.get(), SHUT_WR);
  return true;
}

void OpenSocket::take(char* data, std::size_t size) {
  using Event = websocket::Session::Event;
  for (;;) {
    std::size_t used = 0;
    const Event event = session_.take(data, size, used);
    data += used;
    size -= used;
    switch (event) {
      case Event::none:
        return;
      case Event::pong:
        break;
      case Event::closed:
        end(session_.code(), session_.reason());
        return;
      case Event::text:
      case Event::binary:
        bytes_ += session_.message().size();
        messages_.push_back({event == Event::text, std::move(session_.message())});
        news_ = true;
        if (!paused()) break;
        rest_.assign(data, size);
        return;
    }
  }
}

std::uint64_t OpenSocket::look(std::span<char> scratch, std::uint64_t now) {
  const Settings& s = of_.settings();
  const std::uint64_t interval = s.websocket_ping_interval * kNsOfMs;
  const std::uint64_t patience = s.websocket_ping_timeout * kNsOfMs;
  if (over_ || interval == 0) return ~0ULL;
  if (unanswered_ns_ != 0 && patience != 0 && now - unanswered_ns_ >= patience) {
    // The answer may be there, unread.
    const bool unread = paused();
    if (!unread && !read(scratch, now)) of_.read_later(flight_);
    if (unread) {
      unanswered_ns_ = 0;
    } else if (unanswered_ns_ != 0 && !over_) {
      session_.close(kUnanswered, "ping timeout");
      push();
      lose();
      (void)::shutdown(flight_.connection->fd.get(), SHUT_RDWR);
    }
    if (over_) return ~0ULL;
  }
  if (now - std::max(heard_ns_, pinged_ns_) >= interval &&
      !flight_.exchange.congested()) {
    (void)session_.send(websocket::Opcode::ping, {});
    push();
    pinged_ns_ = now;
    if (unanswered_ns_ == 0) unanswered_ns_ = now;
  }
  std::uint64_t next = std::max(heard_ns_, pinged_ns_) + interval;
  if (unanswered_ns_ != 0 && patience != 0)
    next = std::min(next, unanswered_ns_ + patience);
  return next;
}

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/websocket/frame.h"
#include "worker/websocket/utf8.h"

namespace monodon::websocket {

// The server's end of one WebSocket after its handshake (RFC 6455): bytes of the client
// become messages, and what the protocol itself has to say to it becomes bytes. Pings
// are answered and the closing handshake is made here. No clock and no socket: who owns
// it reads, sends what output() has, and closes the connection once over(). Pure.
class Session {
 public:
  enum class Event : std::uint8_t {
    none,    // all bytes are used; more are needed
    text,    // message() is one, and valid UTF-8
    binary,  // likewise
    pong,    // the client answers a ping of ours, or says that it is there
    closed,  // it is over: code() and reason(). Nothing more comes of it
  };

  // The most bytes of a message, of all its fragments together.
  explicit Session(std::uint64_t max_message) : max_message_{max_message} {}

  // Uses bytes from the start of `input`, until there is an event; what is used is
  // changed (unmasked). `used`: how many.
  Event take(char* input, std::size_t size, std::size_t& used);

  // After Event::text or binary, until the next take(). May be moved from.
  [[nodiscard]] std::string& message() noexcept { return message_; }

  // Appends a message of ours, or a ping, to output(). False: a close frame was sent or
  // the session is over, so nothing may follow (RFC 6455 5.5.1).
  bool send(Opcode opcode, std::string_view payload);
  // Begins the closing handshake, once. `code` 0: a close frame that says nothing. What
  // is too long of `reason` is left out, by whole characters.
  void close(std::uint16_t code, std::string_view reason);
  // The connection has ended. Event::closed need not have come.
  void lose();

  [[nodiscard]] bool has_output() const noexcept {
    return !output_.empty() || (owes_pong_ && !close_sent_);
  }
  // Bytes for the client; whoever sends them takes them out.
  [[nodiscard]] std::string& output();

  // Nothing more is read. The connection ends once output() is sent.
  [[nodiscard]] bool over() const noexcept { return over_; }
  // It is over since the client broke a rule.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] bool closing() const noexcept { return close_sent_; }
  // What the application is told: the client's code, ours where it broke a rule, 1005
  // if the client gave none, 1006 if the connection ended without a close frame.
  [[nodiscard]] std::uint16_t code() const noexcept { return code_; }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  Event begin_frame(std::string_view bytes, std::size_t& used);
  Event take_payload(char* data, std::size_t size);
  Event end_frame();
  Event end_control();
  Event hear_close();
  Event fail(const Failure& why);
  Event end(std::uint16_t code, std::string_view reason);
  void put_close(std::uint16_t code, std::string_view reason);

  const std::uint64_t max_message_;
  FrameHead frame_;
  bool in_frame_ = false;
  std::uint64_t frame_at_ = 0;          // bytes of its payload that came
  Opcode kind_ = Opcode::continuation;  // of the message; continuation: none has begun
  bool told_ = false;                   // message_ was an event, and goes
  std::string head_;                    // of a frame, as far as it came
  std::string message_;
  std::string control_;  // payload of a control frame
  Utf8Check utf8_;       // at a boundary between messages
  std::string output_;
  std::string pong_;  // the last ping's payload
  bool owes_pong_ = false;
  bool close_sent_ = false;
  bool over_ = false;
  bool failed_ = false;
  std::uint16_t code_ = 0;
  std::string reason_;
};

// Whether a close frame may have that code (RFC 6455 7.4, and IANA's registry).
[[nodiscard]] bool may_be_sent(std::uint16_t code) noexcept;

}  // namespace monodon::websocket

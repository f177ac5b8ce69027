// SPDX-License-Identifier: Apache-2.0
// Frames become messages; control frames are answered.
#include "worker/websocket/session.h"

#include <algorithm>
#include <utility>

namespace monodon::websocket {
namespace {

constexpr std::uint16_t kProtocol = 1002;
constexpr std::uint16_t kNoCode = 1005;
constexpr std::uint16_t kLost = 1006;
constexpr std::uint16_t kNotText = 1007;
constexpr std::uint16_t kTooBig = 1009;
constexpr std::size_t kMostReason = 123;  // a control frame has 125 bytes
constexpr std::size_t kLongestHead = 14;

// As much of it as fits, and no piece of a character.
std::string_view fitting(std::string_view reason) {
  if (reason.size() <= kMostReason) return reason;
  std::size_t end = kMostReason;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0U) == 0x80) --end;
  return reason.substr(0, end);
}

}  // namespace

// 1004 to 1006 and 1015 are for what never is in a frame.
bool may_be_sent(std::uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

Session::Event Session::take(char* input, std::size_t size, std::size_t& used) {
  used = 0;
  if (told_) {
    message_.clear();
    told_ = false;
  }
  while (!over_) {
    Event event = Event::none;
    if (!in_frame_) {
      if (used == size) return Event::none;
      std::size_t head = 0;
      event = begin_frame({input + used, size - used}, head);
      used += head;
    } else {
      const std::uint64_t missing = frame_.size - frame_at_;
      const std::size_t count = std::min<std::uint64_t>(missing, size - used);
      if (count == 0 && missing != 0) return Event::none;
      event = take_payload(input + used, count);
      used += count;
    }
    if (event != Event::none) return event;
  }
  used = size;  // nobody wants it
  return Event::none;
}

// A head may come in pieces; a whole one is read where it is.
Session::Event Session::begin_frame(std::string_view bytes, std::size_t& used) {
  const std::size_t before = head_.size();
  std::string_view view = bytes;
  if (before != 0) {
    head_ += bytes.substr(0, kLongestHead - before);
    view = head_;
  }
  const ParsedHead parsed = parse_frame_head(view, false);
  if (parsed.failure.code != 0) return fail(parsed.failure);
  if (parsed.used == 0) {
    if (before == 0) head_ = bytes;
    used = bytes.size();
    return Event::none;
  }
  used = parsed.used - before;
  head_.clear();
  frame_ = parsed.head;
  frame_at_ = 0;
  in_frame_ = true;
  if (is_control(frame_.opcode)) {
    control_.clear();
    return Event::none;
  }
  const bool goes_on = frame_.opcode == Opcode::continuation;
  if (goes_on != (kind_ != Opcode::continuation))
    return fail({kProtocol, goes_on ? "continuation of no message"
                                    : "new message inside another"});
  if (frame_.size > max_message_ - message_.size())
    return fail({kTooBig, "message is too big"});
  if (!goes_on) kind_ = frame_.opcode;
  return Event::none;
}

Session::Event Session::take_payload(char* data, std::size_t size) {
  unmask(data, size, frame_.mask, frame_at_);
  frame_at_ += size;
  const std::string_view piece{data, size};
  if (is_control(frame_.opcode)) {
    control_ += piece;
  } else if (!close_sent_) {  // else nobody will see it
    if (kind_ == Opcode::text && !utf8_.take(piece))
      return fail({kNotText, "text is not UTF-8"});
    message_ += piece;
  }
  return frame_at_ == frame_.size ? end_frame() : Event::none;
}

Session::Event Session::end_frame() {
  in_frame_ = false;
  if (is_control(frame_.opcode)) return end_control();
  if (!frame_.final) return Event::none;
  const Opcode kind = std::exchange(kind_, Opcode::continuation);
  if (close_sent_) return Event::none;
  if (kind == Opcode::text && !utf8_.at_boundary())
    return fail({kNotText, "text is not UTF-8"});
  told_ = true;
  return kind == Opcode::text ? Event::text : Event::binary;
}

Session::Event Session::end_control() {
  if (frame_.opcode == Opcode::close) return hear_close();
  if (frame_.opcode == Opcode::pong) return Event::pong;
  // The last one alone, if the client sends pings faster than it reads (5.5.3).
  owes_pong_ = true;
  pong_.swap(control_);
  return Event::none;
}

// Answered with the same code (5.5.1), unless it is the answer to ours.
Session::Event Session::hear_close() {
  if (control_.empty()) {
    put_close(0, {});
    return end(kNoCode, {});
  }
  if (control_.size() == 1) return fail({kProtocol, "close code of one byte"});
  const auto high = static_cast<unsigned char>(control_[0]);
  const auto low = static_cast<unsigned char>(control_[1]);
  const auto code = static_cast<std::uint16_t>(high << 8U | low);
  const std::string_view reason = std::string_view{control_}.substr(2);
  if (!may_be_sent(code)) return fail({kProtocol, "close code that may not be sent"});
  Utf8Check check;
  if (!check.take(reason) || !check.at_boundary())
    return fail({kNotText, "close reason is not UTF-8"});
  put_close(code, {});
  return end(code, reason);
}

Session::Event Session::fail(const Failure& why) {
  failed_ = true;
  put_close(why.code, why.reason);
  return end(why.code, why.reason);
}

Session::Event Session::end(std::uint16_t code, std::string_view reason) {
  over_ = true;
  code_ = code;
  reason_ = reason;
  message_ = {};
  return Event::closed;
}

void Session::lose() {
  if (!over_) (void)end(kLost, {});
}

bool Session::send(Opcode opcode, std::string_view payload) {
  if (close_sent_ || over_) return false;
  write_frame_head(opcode, payload.size(), false, output());
  output_ += payload;
  return true;
}

void Session::close(std::uint16_t code, std::string_view reason) {
  if (!over_) put_close(code, reason);
}

void Session::put_close(std::uint16_t code, std::string_view reason) {
  if (close_sent_) return;
  std::string payload;
  if (code != 0) {
    payload += static_cast<char>(code >> 8U);
    payload += static_cast<char>(code & 0xffU);
    payload += fitting(reason);
  }
  write_frame_head(Opcode::close, payload.size(), false, output());
  output_ += payload;
  close_sent_ = true;
}

std::string& Session::output() {
  if (std::exchange(owes_pong_, false) && !close_sent_) {
    write_frame_head(Opcode::pong, pong_.size(), false, output_);
    output_ += pong_;
  }
  return output_;
}

}  // namespace monodon::websocket

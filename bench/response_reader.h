// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text/number.h"
#include "worker/http/chars.h"
#include "worker/http/parser.h"

namespace monodon::bench {

// Finds the end of one response in the bytes of a connection, and keeps nothing of it
// but its status. Lenient: what servers answer is not what is measured.
class ResponseReader {
 public:
  enum class State : std::uint8_t { more, whole, broken };

  void start() noexcept {
    head_.clear();
    in_body_ = chunked_ = false;
    until_close_ = close_ = false;
    left_ = 0;
    status_ = 0;
    decoder_ = {};
  }

  State take(std::string_view bytes) {
    if (in_body_) return body(bytes);
    std::string_view all = bytes;
    if (!head_.empty()) {
      head_ += bytes;
      all = head_;
    }
    const std::size_t end = all.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      if (head_.empty()) head_ = bytes;
      return head_.size() > kLongestHead ? State::broken : State::more;
    }
    if (!read_head(all.substr(0, end))) return State::broken;
    in_body_ = true;
    return body(all.substr(end + 4));
  }

  // The server closed the connection.
  [[nodiscard]] State end() const noexcept {
    return in_body_ && until_close_ ? State::whole : State::broken;
  }

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] bool closes() const noexcept { return close_ || until_close_; }

 private:
  static constexpr std::size_t kLongestHead = 64 * 1024;

  bool read_head(std::string_view head) {
    if (head.size() < 12 || !head.starts_with("HTTP/1.")) return false;
    close_ = head[7] == '0';
    status_ = static_cast<int>(parse_number(head.substr(9, 3)).value_or(0));
    until_close_ = status_ != 204 && status_ != 304;
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
      // Minus two of npos is still the rest.
      const std::size_t next = head.find("\r\n", at + 2);
      field(head.substr(at + 2, next - at - 2));
      at = next;
    }
    return status_ != 0;
  }

  void field(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = http::trim(line.substr(colon + 1));
    if (name.size() == 14 && http::equals_lower(name, "content-length")) {
      left_ = parse_number(value).value_or(0);
      until_close_ = false;
    } else if (name.size() == 17 && http::equals_lower(name, "transfer-encoding")) {
      chunked_ = true;
      until_close_ = false;
    } else if (name.size() == 10 && http::equals_lower(name, "connection")) {
      close_ = http::equals_lower(value, "close");
    }
  }

  State body(std::string_view bytes) {
    if (until_close_) return State::more;
    if (!chunked_) {
      left_ -= std::min<std::uint64_t>(left_, bytes.size());
      return left_ == 0 ? State::whole : State::more;
    }
    for (;;) {
      const auto step = decoder_.step(bytes);
      bytes.remove_prefix(step.consumed);
      if (step.state == http::Parse::failed) return State::broken;
      if (step.state == http::Parse::complete) return State::whole;
      if (step.consumed == 0 && step.data.empty()) return State::more;
    }
  }

  std::string head_;
  bool in_body_ = false;
  bool chunked_ = false;
  bool until_close_ = false;
  bool close_ = false;
  std::uint64_t left_ = 0;
  int status_ = 0;
  http::ChunkedDecoder decoder_;
};

}  // namespace monodon::bench

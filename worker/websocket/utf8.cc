// SPDX-License-Identifier: Apache-2.0
// UTF-8 in pieces.
#include "worker/websocket/utf8.h"

#include <cstring>

namespace monodon::websocket {
namespace {

constexpr std::uint8_t kLow = 0x80;  // of a byte that continues a character
constexpr std::uint8_t kHigh = 0xbf;

// How many bytes at the start are ASCII, as far as whole words tell.
std::size_t ascii_words(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  return at;
}

}  // namespace

// The bounds of a second byte tell overlong forms (E0, F0), surrogates (ED) and what is
// above U+10FFFF (F4): RFC 3629 4.
bool Utf8Check::begin(std::uint8_t byte) noexcept {
  if (byte < 0x80) return true;
  if (byte < 0xc2 || byte > 0xf4) return false;
  left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : kLow;
  high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : kHigh;
  return true;
}

bool Utf8Check::take(std::string_view piece) noexcept {
  for (std::size_t i = 0; i < piece.size() && !failed_; ++i) {
    if (left_ == 0) {
      i += ascii_words(piece.substr(i));
      if (i == piece.size()) break;
      failed_ = !begin(static_cast<std::uint8_t>(piece[i]));
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(piece[i]);
    failed_ = byte < low_ || byte > high_;
    low_ = kLow;
    high_ = kHigh;
    --left_;
  }
  return !failed_;
}

}  // namespace monodon::websocket

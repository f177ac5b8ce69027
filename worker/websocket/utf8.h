// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace monodon::websocket {

// Text that comes in pieces, checked as it comes: RFC 3629, so shortest forms only, no
// surrogates, nothing above U+10FFFF. A piece may end in the middle of a character.
// Pure.
class Utf8Check {
 public:
  // False: whatever follows, this is not the beginning of valid text. So for ever.
  [[nodiscard]] bool take(std::string_view piece) noexcept;
  // What came ends between two characters.
  [[nodiscard]] bool at_boundary() const noexcept { return left_ == 0; }

 private:
  [[nodiscard]] bool begin(std::uint8_t byte) noexcept;

  std::uint8_t left_ = 0;  // bytes of the character that are missing
  std::uint8_t low_ = 0;   // what the next of them may be
  std::uint8_t high_ = 0;
  bool failed_ = false;
};

}  // namespace monodon::websocket

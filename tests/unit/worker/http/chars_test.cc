// SPDX-License-Identifier: Apache-2.0
#include "worker/http/chars.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "base/text/escape.h"

using namespace monodon;

namespace {

// What chars.h says byte by byte; the functions under test read sixteen at once.
bool plainly_control(std::string_view text) {
  for (const char c : text)
    if (http::chars::is(c, http::chars::kControl)) return true;
  return false;
}

bool plainly_token(std::string_view text) {
  for (const char c : text)
    if (!http::chars::is(c, http::chars::kToken)) return false;
  return !text.empty();
}

std::string plainly_escaped(std::string_view text, bool word) {
  std::string to;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (to += '\\') += c;
    } else if (byte < 0x20 || byte > 0x7e || (word && c == ' ')) {
      constexpr std::string_view kHex = "0123456789abcdef";
      ((to += "\\x") += kHex[byte / 16U]) += kHex[byte % 16U];
    } else {
      to += c;
    }
  }
  return to;
}

}  // namespace

// Each length up to two steps and more, each byte value, at each place. The text ends
// where its memory does, so that a sanitizer sees a read beyond it.
TEST_CASE("sixteen bytes at once find what one after the other finds", "[chars]") {
  std::size_t looked = 0;
  for (std::size_t size = 0; size <= 40; ++size) {
    const std::unique_ptr<char[]> memory{new char[size]};
    const std::string_view text{memory.get(), size};
    for (std::size_t place = 0; place < size; ++place) {
      for (unsigned value = 0; value < 256; ++value, ++looked) {
        std::fill(memory.get(), memory.get() + size, 'a');
        memory[place] = static_cast<char>(value);
        const bool same = http::has_control(text) == plainly_control(text) &&
                          http::is_token(text) == plainly_token(text);
        std::string quoted = "<";
        append_escaped(quoted, text);
        std::string word = "<";
        append_word(word, text);
        if (same && quoted == "<" + plainly_escaped(text, false) &&
            word == "<" + plainly_escaped(text, true))
          continue;
        FAIL("size " << size << ", byte " << value << " at " << place);
      }
    }
  }
  CHECK(looked == 256 * 40 * 41 / 2);
  CHECK_FALSE(http::is_token(""));
  CHECK_FALSE(http::has_control(""));
}

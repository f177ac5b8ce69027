// SPDX-License-Identifier: Apache-2.0
// Foreign bytes into text that no terminal, log or JSON reader trips over.
#include "base/text/escape.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace monodon {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// Bytes that may stand as they are: printable ASCII but for quote and backslash.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

constexpr std::array<bool, 256> kPlainWord = [] {
  std::array<bool, 256> plain = kPlain;
  plain[' '] = false;
  return plain;
}();

[[nodiscard]] constexpr unsigned byte(char c) noexcept {
  return static_cast<unsigned char>(c);
}

// Four bytes.
char* put_hex(char* to, char c) noexcept {
  *to++ = '\\';
  *to++ = 'x';
  *to++ = kHex[byte(c) >> 4U];
  *to++ = kHex[byte(c) & 15U];
  return to;
}

void append_hex(std::string& to, char c) {
  std::array<char, 4> text;
  put_hex(text.data(), c);
  to.append(text.data(), text.size());
}

// C1 controls, line and paragraph separators, and what reorders the text around it.
[[nodiscard]] bool deceives(std::string_view sequence) noexcept {
  if (sequence.size() == 2)
    return byte(sequence[0]) == 0xc2 && byte(sequence[1]) < 0xa0;
  if (sequence.size() != 3 || byte(sequence[0]) != 0xe2) return false;
  const unsigned second = byte(sequence[1]);
  const unsigned third = byte(sequence[2]);
  return (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
         (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

[[nodiscard]] bool continues(std::string_view text, std::size_t at) noexcept {
  return at < text.size() && (byte(text[at]) & 0xc0U) == 0x80;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const unsigned first = byte(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(text, 1)) return 0;
  if (first < 0xe0) return 2;
  const unsigned second = byte(text[1]);
  if (!continues(text, 2)) return 0;
  if (first < 0xf0) {
    if (first == 0xe0 && second < 0xa0) return 0;   // longer than needed
    if (first == 0xed && second >= 0xa0) return 0;  // surrogates
    return 3;
  }
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second >= 0x90) return 0;  // over U+10FFFF
  return continues(text, 3) ? 4 : 0;
}

namespace {

#if defined(__SSE2__)
// Bit n: byte n is not printable ASCII, or a quote or a backslash, or below `least`.
unsigned special_bits(__m128i bytes, char least) noexcept {
  // Signed: what is over 0x7f is below the first.
  const __m128i printable =
      _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(least - 1))),
                    _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x7f)));
  const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return 0xffffU &
         ~static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(marks, printable)));
}

__m128i load(const char* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
#endif

char* put_byte(char* to, char c, const std::array<bool, 256>& plain) noexcept {
  if (plain[byte(c)]) {
    *to = c;
    return to + 1;
  }
  if (c != '"' && c != '\\') return put_hex(to, c);
  *to++ = '\\';
  *to++ = c;
  return to;
}

#if defined(__SSE2__)
// Fewer than sixteen bytes, and zeros.
__m128i load_padded(const char* at, std::size_t size) noexcept {
  std::array<char, 16> padded{};
  std::memcpy(padded.data(), at, size);
  return load(padded.data());
}
#endif

// `plain`: kPlain or kPlainWord. Copies sixteen bytes and then looks how many of them
// were plain.
char* put_all_but(char* to, std::string_view text,
                  const std::array<bool, 256>& plain) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
#if defined(__SSE2__)
  const char least = plain[byte(' ')] ? ' ' : '!';
  while (at != end) {
    const auto left = static_cast<std::size_t>(end - at);
    const std::size_t count = left < 16 ? left : 16;
    const __m128i bytes = left < 16 ? load_padded(at, left) : load(at);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    const unsigned special = special_bits(bytes, least) & (0xffffU >> (16 - count));
    const auto fine =
        special == 0 ? count : static_cast<std::size_t>(__builtin_ctz(special));
    at += fine;
    to += fine;
    if (special != 0) to = put_byte(to, *at++, plain);
  }
#endif
  while (at != end) to = put_byte(to, *at++, plain);
  return to;
}

void append_all_but(std::string& to, std::string_view text,
                    const std::array<bool, 256>& plain) {
  const std::size_t before = to.size();
  to.resize(before + escaped_room(text.size()));
  const char* const end = put_all_but(to.data() + before, text, plain);
  to.resize(static_cast<std::size_t>(end - to.data()));
}

}  // namespace

void append_escaped(std::string& to, std::string_view text) {
  append_all_but(to, text, kPlain);
}

void append_word(std::string& to, std::string_view text) {
  append_all_but(to, text, kPlainWord);
}

char* put_escaped(char* to, std::string_view text) noexcept {
  return put_all_but(to, text, kPlain);
}

char* put_word(char* to, std::string_view text) noexcept {
  return put_all_but(to, text, kPlainWord);
}

void append_printable(std::string& to, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (byte(text[i]) < 0x80) {
      if (byte(text[i]) >= 0x20 && text[i] != 0x7f) {
        to.push_back(text[i]);
      } else {
        append_hex(to, text[i]);
      }
      ++i;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(i));
    const std::string_view sequence = text.substr(i, length == 0 ? 1 : length);
    if (length != 0 && !deceives(sequence)) {
      to.append(sequence);
    } else {
      for (const char c : sequence) append_hex(to, c);
    }
    i += sequence.size();
  }
}

namespace {

void append_json_ascii(std::string& to, char c) {
  switch (c) {
    case '"':
      to += "\\\"";
      return;
    case '\\':
      to += "\\\\";
      return;
    case '\n':
      to += "\\n";
      return;
    case '\r':
      to += "\\r";
      return;
    case '\t':
      to += "\\t";
      return;
    default:
      break;
  }
  to += "\\u00";
  to.push_back(kHex[byte(c) >> 4U]);
  to.push_back(kHex[byte(c) & 15U]);
}

}  // namespace

void append_json(std::string& to, std::string_view text) {
  to.push_back('"');
  std::size_t from = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    if (kPlain[byte(text[i])]) {
      ++i;
      continue;
    }
    const std::size_t length = byte(text[i]) < 0x80 ? 0 : utf8_length(text.substr(i));
    if (length > 1) {
      i += length;
      continue;
    }
    to.append(text.substr(from, i - from));
    if (byte(text[i]) < 0x80) {
      append_json_ascii(to, text[i]);
    } else {
      to.push_back('\\');
      append_hex(to, text[i]);
    }
    from = ++i;
  }
  to.append(text.substr(from));
  to.push_back('"');
}

}  // namespace monodon

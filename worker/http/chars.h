// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace monodon::http {

// What each byte may be part of; one table look-up on the hot path. All pure.
namespace chars {

inline constexpr std::uint8_t kToken = 1;       // tchar, RFC 9110 5.6.2
inline constexpr std::uint8_t kUnderscore = 2;  // a tchar that CGI names confuse
inline constexpr std::uint8_t kMethod = 4;      // tchar without lower-case letters
inline constexpr std::uint8_t kTarget = 8;      // may stand in a request target
inline constexpr std::uint8_t kHost = 16;       // may stand in Host, port included
inline constexpr std::uint8_t kSpace = 32;      // SP and HTAB
inline constexpr std::uint8_t kDigit = 64;
inline constexpr std::uint8_t kControl = 128;  // C0 without HTAB, and DEL

consteval std::array<std::uint8_t, 256> classify() {
  constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";
  constexpr std::string_view host_marks = "-._~%!$&'()*+,;=";  // RFC 3986 3.2.2
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const char letter = static_cast<char>(c);
    const bool digit = letter >= '0' && letter <= '9';
    const bool upper = letter >= 'A' && letter <= 'Z';
    const bool lower = letter >= 'a' && letter <= 'z';
    const bool word = digit || upper || lower;
    const bool token = word || token_marks.find(letter) != std::string_view::npos;
    const bool control = (c < 0x20 && letter != '\t') || c == 0x7f;
    unsigned bits = 0;
    if (token) bits |= kToken;
    if (token && !lower) bits |= kMethod;
    if (letter == '_') bits |= kUnderscore;
    // Bytes outside ASCII and marks like "|" are against RFC 3986, but browsers send
    // them and proxies pass them on: only what could end or split the line is out.
    if (c > 0x20 && c != 0x7f && letter != '#') bits |= kTarget;
    if (word || host_marks.find(letter) != std::string_view::npos) bits |= kHost;
    if (letter == ' ' || letter == '\t') bits |= kSpace;
    if (digit) bits |= kDigit;
    if (control) bits |= kControl;
    table[c] = static_cast<std::uint8_t>(bits);
  }
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kTable = classify();

[[nodiscard]] inline std::uint8_t of(char c) noexcept {
  return kTable[static_cast<unsigned char>(c)];
}
[[nodiscard]] inline bool is(char c, std::uint8_t bits) noexcept {
  return (of(c) & bits) != 0;
}

}  // namespace chars

#if defined(__SSE2__)
// Sixteen bytes at a time.
namespace sixteen {

[[nodiscard]] inline __m128i load(const char* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// Bit n: byte n is a control byte, but no HTAB.
[[nodiscard]] inline unsigned controls(__m128i bytes) noexcept {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return static_cast<unsigned>(
      _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
}

// Bit n: byte n is no letter, digit or "-": nearly all names are made of these, and
// they are three comparisons.
[[nodiscard]] inline unsigned no_words(__m128i bytes) noexcept {
  const auto within = [](__m128i at, char first, char width) {
    const __m128i offset = _mm_sub_epi8(at, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8(width)), offset);
  };
  const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
  const __m128i word =
      _mm_or_si128(_mm_or_si128(within(folded, 'a', 25), within(bytes, '0', 9)),
                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
  return ~static_cast<unsigned>(_mm_movemask_epi8(word)) & 0xffffU;
}

// Whether `bits` finds nothing in `text`, which has 4 bytes at least. Some bytes are
// looked at twice, and none beyond the text.
template <typename Bits>
[[nodiscard]] bool none_of(std::string_view text, Bits bits) noexcept {
  const auto copied = [](const char* from, auto word) {
    std::memcpy(&word, from, sizeof word);
    return word;
  };
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() >= 16) {
    for (; end - at > 16; at += 16)
      if (bits(load(at)) != 0) return false;
    return bits(load(end - 16)) == 0;
  }
  if (text.size() >= 8) {
    constexpr long long word{};
    return bits(_mm_set_epi64x(copied(end - 8, word), copied(at, word))) == 0;
  }
  constexpr int word{};
  const int last = copied(end - 4, word);
  return bits(_mm_set_epi32(last, last, last, copied(at, word))) == 0;
}

}  // namespace sixteen
#endif

// The first control byte (CR and LF among them, HTAB not) in [at, end), or end.
[[nodiscard]] inline const char* find_control(const char* at,
                                              const char* end) noexcept {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const unsigned found = sixteen::controls(sixteen::load(at));
    if (found != 0) return at + __builtin_ctz(found);
  }
#endif
  while (at != end && !chars::is(*at, chars::kControl)) ++at;
  return at;
}

[[nodiscard]] inline bool has_control(std::string_view text) noexcept {
#if defined(__SSE2__)
  if (text.size() >= 4) return !sixteen::none_of(text, sixteen::controls);
#endif
  const char* const end = text.data() + text.size();
  return find_control(text.data(), end) != end;
}

// RFC 9110 5.6.2; "" is none.
[[nodiscard]] inline bool is_token(std::string_view text) noexcept {
#if defined(__SSE2__)
  if (text.size() >= 4 && sixteen::none_of(text, sixteen::no_words)) return true;
#endif
  unsigned all = chars::kToken;
  for (const char c : text) all &= chars::of(c);
  return all != 0 && !text.empty();
}

// The first byte in [at, end) that cannot stand in a field name, or end. `seen` gets
// the bits of chars::of of all bytes before it that are not a letter, digit or "-".
[[nodiscard]] inline const char* find_name_end(const char* at, const char* end,
                                               unsigned& seen) noexcept {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const unsigned others = sixteen::no_words(sixteen::load(at));
    if (others != 0) {
      at += __builtin_ctz(others);
      break;
    }
  }
#endif
  for (unsigned bits = 0; at != end && ((bits = chars::of(*at)) & chars::kToken) != 0;
       ++at) {
    seen |= bits;
  }
  return at;
}

// The first SP, HTAB or "#" in [at, end), or end.
[[nodiscard]] inline const char* find_target_end(const char* at,
                                                 const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i hash = _mm_set1_epi8('#');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i bad = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, space), _mm_cmpeq_epi8(bytes, tab)),
        _mm_cmpeq_epi8(bytes, hash));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
#endif
  while (at != end && chars::is(*at, chars::kTarget)) ++at;
  return at;
}

// Without SP and HTAB on either side. Nothing else is white space here: not NBSP, not
// vertical tab, which lenient parsers strip and so read "chunked" where we do not.
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end && chars::is(*at, chars::kSpace)) ++at;
  while (at != end && chars::is(end[-1], chars::kSpace)) --end;
  return {at, static_cast<std::size_t>(end - at)};
}

// Without case, as RFC 9110 compares names and most values: `text` has no control
// bytes, `lower` is letters in lower case, digits and marks of a token or URL. (Setting
// one bit in eight bytes at once folds letters; what else it makes equal are controls,
// and "^" and "~".)
[[nodiscard]] inline bool equals_lower(std::string_view text,
                                       std::string_view lower) noexcept {
  const auto folded = [](const char* at, auto word) {
    std::memcpy(&word, at, sizeof word);
    return word | static_cast<decltype(word)>(0x2020202020202020U);
  };
  const std::size_t size = text.size();
  if (size != lower.size()) return false;
  const char* const a = text.data();
  const char* const b = lower.data();
  if (size >= 8) {
    constexpr std::uint64_t word{};
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      if (folded(a + i, word) != folded(b + i, word)) return false;
    }
    return folded(a + size - 8, word) == folded(b + size - 8, word);
  }
  if (size >= 4) {
    constexpr std::uint32_t word{};
    return folded(a, word) == folded(b, word) &&
           folded(a + size - 4, word) == folded(b + size - 4, word);
  }
  for (std::size_t i = 0; i < size; ++i) {
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  }
  return true;
}

// Without case, whatever the bytes are.
[[nodiscard]] inline bool equals_ignoring_case(std::string_view a,
                                               std::string_view b) noexcept {
  const auto fold = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (fold(a[i]) != fold(b[i])) return false;
  }
  return true;
}

// Takes the next element off a comma-separated list, trimmed; empty ones too.
[[nodiscard]] inline std::string_view take_element(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  return element;
}

}  // namespace monodon::http

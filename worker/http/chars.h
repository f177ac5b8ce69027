// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
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
  // reg-name and IP-literal with a port (RFC 3986 3.2.2), without userinfo.
  constexpr std::string_view host_marks = "-._~%!$&'()*+,;=:[]";
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

// The first control byte (CR and LF among them, HTAB not) in [at, end), or end.
[[nodiscard]] inline const char* find_control(const char* at,
                                              const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i highest = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, highest), bytes);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low),
                                     _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
#endif
  while (at != end && !chars::is(*at, chars::kControl)) ++at;
  return at;
}

// Without SP and HTAB on either side. Nothing else is white space here: not NBSP, not
// vertical tab, which lenient parsers strip and so read "chunked" where we do not.
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && chars::is(text.front(), chars::kSpace)) text.remove_prefix(1);
  while (!text.empty() && chars::is(text.back(), chars::kSpace)) text.remove_suffix(1);
  return text;
}

// `lower` is in lower case already; ASCII only, as RFC 9110 compares.
[[nodiscard]] inline bool equals_lower(std::string_view text,
                                       std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower[i]) {
      return false;
    }
  }
  return true;
}

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

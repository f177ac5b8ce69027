// SPDX-License-Identifier: Apache-2.0
// SHA-1 (RFC 3174) and base64 (RFC 4648), as far as one field needs them.
#include "worker/websocket/accept_key.h"

#include <array>
#include <bit>
#include <cstdint>

namespace monodon::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t kBlock = 64;

using State = std::array<std::uint32_t, 5>;
using Digest = std::array<std::uint8_t, 20>;

std::uint32_t mix(std::size_t round, std::uint32_t b, std::uint32_t c,
                  std::uint32_t d) noexcept {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999U;
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1U;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcU;
  return (b ^ c ^ d) + 0xca62c1d6U;
}

void take_block(State& state, std::string_view block) noexcept {
  std::array<std::uint32_t, 80> words{};
  for (std::size_t i = 0; i < kBlock; ++i)
    words[i / 4] = words[i / 4] << 8U | static_cast<unsigned char>(block[i]);
  for (std::size_t i = 16; i < words.size(); ++i)
    words[i] =
        std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::uint32_t next = std::rotl(a, 5) + mix(i, b, c, d) + e + words[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

Digest sha1(std::string text) {
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  text += '\x80';
  text.resize((text.size() + 8 + kBlock - 1) / kBlock * kBlock - 8);
  for (unsigned shift = 64; shift > 0; shift -= 8)
    text += static_cast<char>(bits >> (shift - 8));
  State state{0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
  for (std::size_t at = 0; at < text.size(); at += kBlock)
    take_block(state, std::string_view{text}.substr(at, kBlock));
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

// Of twenty bytes: 27 digits and one "=".
std::string base64(const Digest& digest) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const std::uint8_t byte : digest) {
    bits = bits << 8U | byte;
    for (count += 8; count >= 6; count -= 6) text += kDigits[bits >> (count - 6) & 63U];
  }
  text += kDigits[bits << (6 - count) & 63U];
  text += '=';
  return text;
}

}  // namespace

std::string accept_key(std::string_view key) {
  return base64(sha1(std::string{key} += kGuid));
}

}  // namespace monodon::websocket

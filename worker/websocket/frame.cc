// SPDX-License-Identifier: Apache-2.0
// Heads of frames, and masks.
#include "worker/websocket/frame.h"

#include <algorithm>
#include <cstring>

namespace monodon::websocket {
namespace {

constexpr std::uint16_t kMalformed = 1002;
constexpr unsigned kFinal = 0x80;
constexpr unsigned kRsv1 = 0x40;
constexpr unsigned kRsv23 = 0x30;
constexpr unsigned kMasked = 0x80;
constexpr std::uint64_t kShort = 125;  // the most that the second byte says itself
constexpr unsigned kTwoBytes = 126;
constexpr unsigned kEightBytes = 127;

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]);
}

bool is_known(unsigned opcode) noexcept {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

Failure first_byte(unsigned byte, bool compresses, FrameHead& head) noexcept {
  if (!is_known(byte & 0x0fU)) return {kMalformed, "reserved opcode"};
  head.opcode = static_cast<Opcode>(byte & 0x0fU);
  head.final = (byte & kFinal) != 0;
  head.compressed = (byte & kRsv1) != 0;
  const bool begins = head.opcode == Opcode::text || head.opcode == Opcode::binary;
  if ((byte & kRsv23) != 0 || (head.compressed && !(compresses && begins)))
    return {kMalformed, "reserved bit is set"};
  if (is_control(head.opcode) && !head.final)
    return {kMalformed, "fragmented control frame"};
  return {};
}

Failure second_byte(unsigned byte, const FrameHead& head) noexcept {
  if ((byte & kMasked) == 0) return {kMalformed, "frame is not masked"};
  if (is_control(head.opcode) && (byte & 0x7fU) > kShort)
    return {kMalformed, "control frame is too long"};
  return {};
}

}  // namespace

ParsedHead parse_frame_head(std::string_view bytes, bool compresses) noexcept {
  ParsedHead parsed;
  if (bytes.empty()) return parsed;
  parsed.failure = first_byte(byte_at(bytes, 0), compresses, parsed.head);
  if (parsed.failure.code != 0 || bytes.size() < 2) return parsed;
  parsed.failure = second_byte(byte_at(bytes, 1), parsed.head);
  if (parsed.failure.code != 0) return parsed;

  const unsigned told = byte_at(bytes, 1) & 0x7fU;
  const std::size_t more = told == kTwoBytes ? 2 : told == kEightBytes ? 8 : 0;
  if (bytes.size() < 2 + more) return parsed;
  std::uint64_t size = more == 0 ? told : 0;
  for (std::size_t i = 0; i < more; ++i) size = size << 8U | byte_at(bytes, 2 + i);
  // The shortest form, and 63 bits.
  if ((more == 2 && size <= kShort) || (more == 8 && (size <= 0xffff || size >> 63U)))
    parsed.failure = {kMalformed, "length is not in its shortest form"};
  if (parsed.failure.code != 0 || bytes.size() < 2 + more + sizeof(Mask)) return parsed;
  parsed.head.size = size;
  std::memcpy(parsed.head.mask.data(), bytes.data() + 2 + more, sizeof(Mask));
  parsed.used = 2 + more + sizeof(Mask);
  return parsed;
}

void unmask(char* data, std::size_t size, const Mask& mask,
            std::uint64_t offset) noexcept {
  std::array<char, 8> turned{};  // the mask twice, as it lies at `offset`
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(offset + i) % 4];
  std::uint64_t wide = 0;
  std::memcpy(&wide, turned.data(), sizeof wide);
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= size; at += sizeof word) {
    std::memcpy(&word, data + at, sizeof word);
    word ^= wide;
    std::memcpy(data + at, &word, sizeof word);
  }
  for (std::size_t i = 0; at < size; ++at, ++i)
    data[at] = static_cast<char>(data[at] ^ turned[i]);
}

void write_frame_head(Opcode opcode, std::uint64_t size, bool compressed,
                      std::string& to) {
  to += static_cast<char>(kFinal | (compressed ? kRsv1 : 0U) |
                          static_cast<unsigned>(opcode));
  const unsigned more = size <= kShort ? 0 : size <= 0xffff ? 2 : 8;
  const std::uint64_t told = more == 0 ? size : more == 2 ? kTwoBytes : kEightBytes;
  to += static_cast<char>(told);
  for (unsigned i = more; i > 0; --i) to += static_cast<char>(size >> (8U * (i - 1)));
}

}  // namespace monodon::websocket

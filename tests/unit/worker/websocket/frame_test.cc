// SPDX-License-Identifier: Apache-2.0
#include "worker/websocket/frame.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

using namespace monodon::websocket;

namespace {

ParsedHead parsed(std::string_view bytes, bool compresses = false) {
  return parse_frame_head(bytes, compresses);
}

std::string head_of(std::string_view two, std::string_view length = {}) {
  return std::string{two} + std::string{length} + "mask";
}

}  // namespace

TEST_CASE("a head is read once it is whole, in each of its three lengths") {
  struct Case {
    std::string bytes;
    std::uint64_t size;
  };
  const std::string zero(1, '\0');
  const Case cases[] = {
      {head_of("\x81\x80"), 0},
      {head_of("\x82\xfd"), 125},
      {head_of("\x82\xfe", zero + "\x7e"), 126},
      {head_of("\x82\xfe", "\xff\xff"), 65535},
      {head_of("\x82\xff", std::string(5, '\0') + "\x01" + std::string(2, '\0')),
       65536},
      {head_of("\x82\xff", "\x7f" + std::string(7, '\xff')), 0x7fffffffffffffffU},
  };
  for (const Case& c : cases) {
    for (std::size_t i = 0; i < c.bytes.size(); ++i) {
      const ParsedHead part = parsed(std::string_view{c.bytes}.substr(0, i));
      CHECK(part.used == 0);
      CHECK(part.failure.code == 0);
    }
    const ParsedHead whole = parsed(c.bytes + "payload");
    CHECK(whole.failure.code == 0);
    CHECK(whole.used == c.bytes.size());
    CHECK(whole.head.size == c.size);
    CHECK(whole.head.final);
    CHECK(std::string_view{whole.head.mask.data(), 4} == "mask");
  }
}

TEST_CASE("what no client may send is told as soon as its byte is there") {
  const auto fails = [](std::string_view bytes) {
    const bool before = parsed(bytes.substr(0, bytes.size() - 1)).failure.code == 0;
    return before && parsed(bytes).failure.code == 1002;
  };
  for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U})
    CHECK(fails(std::string(1, static_cast<char>(0x80U | opcode))));
  for (const char* rsv : {"\xa1", "\x91", "\xc1", "\xc0", "\xc9", "\xf2"})
    CHECK(fails(rsv));
  for (const char* fragment : {"\x08", "\x09", "\x0a"}) CHECK(fails(fragment));
  CHECK(fails(std::string_view{"\x81\x00", 2}));  // not masked
  CHECK(fails("\x81\x7d"));
  CHECK(fails("\x89\xfe"));  // a control frame of more than 125 bytes
  CHECK(fails("\x88\xff"));
  CHECK(fails(std::string_view{"\x82\xfe\x00\x7d", 4}));
  CHECK(fails(std::string_view{"\x82\xff\0\0\0\0\0\0\xff\xff", 10}));
  CHECK(fails(std::string_view{"\x82\xff\x80\0\0\0\0\0\0\0", 10}));
}

TEST_CASE("RSV1 marks the first frame of a message, where it was agreed on") {
  CHECK(parsed(head_of("\xc1\x80"), true).head.compressed);
  CHECK(parsed(head_of("\x42\x80"), true).used == 6);
  CHECK_FALSE(parsed(head_of("\x81\x80"), true).head.compressed);
  CHECK(parsed("\xc0", true).failure.code == 1002);
  CHECK(parsed("\xc9", true).failure.code == 1002);
}

TEST_CASE("a mask is taken off from wherever a piece of the payload begins") {
  std::string text;
  for (int i = 0; i < 61; ++i) text += static_cast<char>(i * 7);
  const Mask mask{'\x37', '\xfa', '\x21', '\x3d'};
  std::string masked = text;
  for (std::size_t i = 0; i < masked.size(); ++i)
    masked[i] = static_cast<char>(masked[i] ^ mask[i % 4]);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::string copy = masked;
    unmask(copy.data(), cut, mask, 0);
    unmask(copy.data() + cut, copy.size() - cut, mask, cut);
    if (copy != text) FAIL("wrong when cut at " << cut);
  }
}

TEST_CASE("our heads are not masked and have the shortest length") {
  const auto written = [](Opcode opcode, std::uint64_t size, bool compressed = false) {
    std::string to;
    write_frame_head(opcode, size, compressed, to);
    return to;
  };
  using namespace std::string_literals;
  CHECK(written(Opcode::text, 0) == "\x81\x00"s);
  CHECK(written(Opcode::binary, 125) == "\x82\x7d");
  CHECK(written(Opcode::binary, 126) == "\x82\x7e\x00\x7e"s);
  CHECK(written(Opcode::ping, 1) == "\x89\x01");
  CHECK(written(Opcode::text, 65535) == "\x81\x7e\xff\xff");
  CHECK(written(Opcode::text, 65536) == "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s);
  CHECK(written(Opcode::text, 5, true) == "\xc1\x05");
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace monodon::websocket {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept {
  return static_cast<std::uint8_t>(opcode) >= 8;
}

// What ends a connection: a code of RFC 6455 7.4, and why, for the close frame.
struct Failure {
  std::uint16_t code = 0;  // 0: none
  const char* reason = "";
};

using Mask = std::array<char, 4>;

// The head of a frame from a client (RFC 6455 5.2).
struct FrameHead {
  Opcode opcode = Opcode::continuation;
  bool final = false;
  bool compressed = false;  // RSV1, with an extension that gives it a meaning
  Mask mask{};
  std::uint64_t size = 0;  // of the payload
};

struct ParsedHead {
  FrameHead head;
  std::size_t used = 0;  // bytes of the head; 0: it is not whole yet
  Failure failure;       // what came cannot be the beginning of a frame
};

// Reads a head at the start of `bytes`. What is wrong is told as soon as its byte is
// there. `compresses`: RSV1 may mark the first frame of a message. Pure.
[[nodiscard]] ParsedHead parse_frame_head(std::string_view bytes,
                                          bool compresses) noexcept;

// Payload of a client, in place. `offset`: of `data` in the payload. Pure.
void unmask(char* data, std::size_t size, const Mask& mask,
            std::uint64_t offset) noexcept;

// Appends the head of a whole message, or of a control frame, of ours. Pure.
void write_frame_head(Opcode opcode, std::uint64_t size, bool compressed,
                      std::string& to);

}  // namespace monodon::websocket

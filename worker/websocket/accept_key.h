// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon::websocket {

// What Sec-WebSocket-Accept has to say to `key`, the 24 characters of
// Sec-WebSocket-Key: base64 of the SHA-1 of the key and a fixed text (RFC 6455 4.2.2).
// It proves that the server speaks WebSocket, and protects nothing. Pure.
[[nodiscard]] std::string accept_key(std::string_view key);

}  // namespace monodon::websocket

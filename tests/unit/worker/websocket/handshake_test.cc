// SPDX-License-Identifier: Apache-2.0
// Which requests ask for a WebSocket.
#include "worker/websocket/handshake.h"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

using namespace monodon;

TEST_CASE("a request asks for a WebSocket by Upgrade and Connection together") {
  const auto asked = [](std::vector<http::Field> fields) {
    http::RequestHead head;
    head.fields = std::move(fields);
    return websocket::is_asked_for(head);
  };
  CHECK(asked({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}));
  CHECK(asked({{"connection", "keep-alive, upgrade"}, {"upgrade", "h2c , WebSocket"}}));
  CHECK(asked(
      {{"Connection", "close"}, {"Connection", "upgrade"}, {"Upgrade", "websocket"}}));
  CHECK_FALSE(asked({{"Upgrade", "websocket"}}));
  CHECK_FALSE(asked({{"Upgrade", "websocket"}, {"Connection", "close"}}));
  CHECK_FALSE(asked({{"Upgrade", "h2c"}, {"Connection", "upgrade"}}));
  CHECK_FALSE(asked({{"Upgrade", "websockets,,"}, {"Connection", "upgrade"}}));
  CHECK_FALSE(asked({{"X-Upgrade", "websocket"}, {"Connection", "upgrade"}}));
}

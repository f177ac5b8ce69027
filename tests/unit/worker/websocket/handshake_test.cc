// SPDX-License-Identifier: Apache-2.0
// Which requests ask for a WebSocket.
#include "worker/websocket/handshake.h"

#include <catch2/catch.hpp>
#include <string_view>
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

namespace {

http::RequestHead good_request() {
  http::RequestHead head;
  head.method = "GET";
  head.fields = {{"Host", "a.b"},
                 {"Upgrade", "websocket"},
                 {"Connection", "Upgrade"},
                 {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                 {"Sec-WebSocket-Version", "13"}};
  return head;
}

int status_of(const http::RequestHead& head) {
  const auto refusal = websocket::refusal_of(head);
  return refusal ? refusal->status : 101;
}

}  // namespace

TEST_CASE("a request for a WebSocket has to be as RFC 6455 says") {
  http::RequestHead head = good_request();
  CHECK(status_of(head) == 101);
  CHECK(websocket::key_of(head) == "dGhlIHNhbXBsZSBub25jZQ==");
  head.method = "POST";
  CHECK(status_of(head) == 400);
  head = good_request();
  head.minor_version = 0;
  CHECK(status_of(head) == 400);
  head = good_request();
  head.framing = http::Framing::chunked;
  CHECK(status_of(head) == 400);
  head = good_request();
  head.framing = http::Framing::length;
  CHECK(status_of(head) == 101);
  head.content_length = 1;
  CHECK(status_of(head) == 400);
}

TEST_CASE("another version of WebSocket has 426, and none too") {
  http::RequestHead head = good_request();
  for (const char* version : {"8", "130", "", "13, 8"}) {
    head.fields.back().value = version;
    CHECK(status_of(head) == 426);
  }
  head.fields.pop_back();
  CHECK(status_of(head) == 426);
}

TEST_CASE("a key is one field, base64 of sixteen bytes") {
  http::RequestHead head = good_request();
  for (const char* key : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQAA",
                          "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZ-==",
                          "dGhlIHNhbXBsZSBub25jZQQ=="}) {
    head.fields[3].value = key;
    CHECK(status_of(head) == 400);
  }
  head = good_request();
  head.fields.push_back(head.fields[3]);
  CHECK(status_of(head) == 400);
}

TEST_CASE("subprotocols are told in the order of the client, over several fields") {
  http::RequestHead head = good_request();
  CHECK(websocket::subprotocols_of(head).empty());
  head.fields.push_back({"sec-websocket-protocol", "v2.chat , ,v1.chat"});
  head.fields.push_back({"Sec-WebSocket-Protocol", "json"});
  CHECK(websocket::subprotocols_of(head) ==
        std::vector<std::string_view>{"v2.chat", "v1.chat", "json"});
}

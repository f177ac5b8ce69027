// SPDX-License-Identifier: Apache-2.0
#include "worker/websocket/accept_key.h"

#include <catch2/catch.hpp>
#include <string>

using monodon::websocket::accept_key;

TEST_CASE("the answer to a key is what RFC 6455 and other programs make of it") {
  CHECK(accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  // python3 -c 'hashlib.sha1(key + guid).digest()', base64
  CHECK(accept_key("AAAAAAAAAAAAAAAAAAAAAA==") == "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
  CHECK(accept_key("/////////////////////w==") == "XXpj4jYzLM2yUE0C7TIgMwTQh2g=");
  CHECK(accept_key("") == "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
  CHECK(accept_key(std::string(19, 'k')) == "tWclcP21hrR+xgjYVswtQRW71GQ=");
  CHECK(accept_key(std::string(20, 'k')) == "tSsjsIAvEVIQ+IC5K8+T/OkG8nU=");
  CHECK(accept_key(std::string(28, 'k')) == "x9bmfLYIxLMaaT5h0sFuRlAhhb8=");
  CHECK(accept_key(std::string(100, 'k')) == "rWzVOVhJgr+k5nChyKqRW0+OIwk=");
}

// SPDX-License-Identifier: Apache-2.0
// What clients take of what is there compressed.
#include "worker/http/content_coding.h"

#include <catch2/catch.hpp>

using monodon::http::parse_accept_encoding;

TEST_CASE("codings are taken by name or star, unless their quality is 0", "[http]") {
  const auto brotli = [](const char* value) {
    return parse_accept_encoding(value).brotli;
  };
  for (const char* value :
       {"br", "gzip, br", "*", "br;q=0.001", "BR ; q=1", "br;q=1.0"})
    CHECK(brotli(value));
  for (const char* value : {"", "gzip", "br;q=0", "br;q=0.000", "*;q=0", "*, br;q=0",
                            "brotli", "br;q=x", "br;q=0.0001"})
    CHECK_FALSE(brotli(value));
  for (const char* value : {"identity, br;q=0.5", "br;q=0.9, identity;q=1.0"})
    CHECK_FALSE(brotli(value));
  for (const char* value : {"identity, br", "br, identity;q=0.5", "identity;q=0, br"})
    CHECK(brotli(value));
  CHECK_FALSE(parse_accept_encoding("identity, gzip;q=0.2").gzip);
  CHECK(parse_accept_encoding("br;q=0.5, gzip").gzip_first);
  CHECK_FALSE(parse_accept_encoding("br, gzip").gzip_first);
}

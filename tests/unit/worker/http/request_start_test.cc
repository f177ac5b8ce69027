// SPDX-License-Identifier: Apache-2.0
#include "worker/http/request_start.h"

#include <catch2/catch.hpp>

using monodon::http::parse_request_start;

TEST_CASE("the time a proxy got a request is read in all usual units", "[http]") {
  constexpr std::uint64_t kTime = 1'700'000'000'123'000;
  for (const char* text : {"t=1700000000.123", "1700000000.123", "t=1700000000123",
                           "1700000000123000", "t=1700000000.12300000099"})
    CHECK(parse_request_start(text) == kTime);
  CHECK(parse_request_start("t=1700000000") == 1'700'000'000'000'000);
}

TEST_CASE("what is no time is none", "[http]") {
  for (const char* text : {"", "t=", "t=abc", "-1", "t=1700000000.", "t=1700000000.x",
                           "t=1700000000123.5", "t=99999999999999999999", "t=1 2"}) {
    CAPTURE(text);
    CHECK(parse_request_start(text) == 0);
  }
}

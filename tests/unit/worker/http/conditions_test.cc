// SPDX-License-Identifier: Apache-2.0
// Dates and tags of conditional requests; tests/http/test_static.py has whole ones.
#include "worker/http/conditions.h"

#include <catch2/catch.hpp>

using namespace monodon::http;

TEST_CASE("a date is read in its three forms, and nothing else is one", "[http]") {
  constexpr std::int64_t kExample = 784111777;  // of RFC 9110 5.6.7
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == kExample);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == kExample);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == kExample);
  CHECK(parse_http_date(" Thu, 01 Jan 1970 00:00:00 GMT ") == 0);
  CHECK(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT") == 1709251200);
  for (const char* text :
       {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Non 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", ", GMT", ","})
    CHECK_FALSE(parse_http_date(text));
}

TEST_CASE("a list of tags may be spread over fields, and a tag may have a comma",
          "[http]") {
  RequestHead head;
  head.fields = {{"if-none-match", "\"a\", W/\"b,c\""}, {"If-None-Match", "\"d\""}};
  for (const char* tag : {"\"a\"", "\"b,c\"", "\"d\""})
    CHECK(evaluate(head, {tag, 0}) == Condition::not_modified);
  for (const char* tag : {"\"b\"", "\"c\"", "\"\""})
    CHECK(evaluate(head, {tag, 0}) == Condition::fulfilled);
  head.fields = {{"If-None-Match", "a\""}};
  CHECK(evaluate(head, {"\"a\"", 0}) == Condition::fulfilled);
}

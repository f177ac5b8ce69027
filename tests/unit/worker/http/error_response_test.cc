// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>

#include "worker/http/response_head.h"

using namespace monodon::http;

TEST_CASE("an error page is a whole response that closes the connection",
          "[response]") {
  const std::string got =
      error_response(414, "request line is too long", "monodon", "now");
  CHECK_THAT(got, Catch::StartsWith("HTTP/1.1 414 URI Too Long\r\n"));
  CHECK_THAT(got, Catch::Contains("\r\nConnection: close\r\n"));
  CHECK_THAT(got, Catch::Contains("\r\nServer: monodon\r\n"));
  CHECK_THAT(got, Catch::Contains("\r\nDate: now\r\n"));
  CHECK_THAT(got, Catch::Contains("<p>request line is too long</p>"));
  const std::size_t body = got.find("\r\n\r\n") + 4;
  CHECK_THAT(got, Catch::Contains("\r\nContent-Length: " +
                                  std::to_string(got.size() - body) + "\r\n"));
}

TEST_CASE("an error page for HEAD is the same head without a body", "[response]") {
  const std::string full = error_response(500, "", "", "");
  const std::string head = error_response(500, "", "", "", true);
  CHECK(head == full.substr(0, full.find("\r\n\r\n") + 4));
  CHECK_THAT(head, !Catch::Contains("Server:") && !Catch::Contains("Date:"));
}

TEST_CASE("an error page shows markup as text", "[response]") {
  CHECK_THAT(error_response(400, "a <b> & c", "", ""),
             Catch::Contains("a &lt;b&gt; &amp; c"));
}

TEST_CASE("known statuses have their phrase, others none", "[response]") {
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(100) == "Continue");
  CHECK(reason_phrase(511) == "Network Authentication Required");
  CHECK(reason_phrase(299).empty());
  CHECK(reason_phrase(0).empty());
  CHECK(reason_phrase(1000).empty());
}

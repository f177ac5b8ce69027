// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/cpp/http_feed.h"
#include "worker/http/parser.h"

using namespace monodon;
using namespace std::string_literals;
using http::Parse;

namespace {

struct Hostile {
  const char* what;
  std::string request;
  int status;
};

std::string field(std::string_view line) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string{line} + "\r\n\r\n";
}
std::string line(std::string_view request_line) {
  return std::string{request_line} + "\r\nHost: a\r\n\r\n";
}
std::string fields(unsigned count) {
  std::string all = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (unsigned i = 1; i < count; ++i) all += "A: b\r\n";
  return all + "\r\n";
}

std::vector<Hostile> request_lines() {
  return {
      {"bare LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare CR in the request line", line("GET /\rx HTTP/1.1"), 400},
      {"NUL in the target", line("GET /\0x HTTP/1.1"s), 400},
      {"DEL in the target", line("GET /\x7fx HTTP/1.1"), 400},
      {"tab in the target", line("GET /\tx HTTP/1.1"), 400},
      {"space in the target", line("GET /a b HTTP/1.1"), 400},
      {"fragment in the target", line("GET /a#b HTTP/1.1"), 400},
      {"two spaces after the method", line("GET  / HTTP/1.1"), 400},
      {"two spaces before the version", line("GET /  HTTP/1.1"), 400},
      {"tab between method and target", line("GET\t/ HTTP/1.1"), 400},
      {"space after the version", line("GET / HTTP/1.1 "), 400},
      {"space before the method", line(" GET / HTTP/1.1"), 400},
      {"no target", line("GET HTTP/1.1"), 400},
      {"empty target", line("GET  HTTP/1.1"), 400},
      {"no method", line("/ HTTP/1.1"), 400},
      {"lower-case method", line("get / HTTP/1.1"), 400},
      {"mixed-case method", line("Get / HTTP/1.1"), 400},
      {"method that is no token", line("GE(T / HTTP/1.1"), 400},
      {"HTTP/0.9", line("GET /"), 400},
      {"HTTP/0.9 spelt out", line("GET / HTTP/0.9"), 505},
      {"HTTP/1.2", line("GET / HTTP/1.2"), 505},
      {"HTTP/2.0", line("GET / HTTP/2.0"), 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"version with two digits", line("GET / HTTP/1.11"), 400},
      {"version with a leading zero", line("GET / HTTP/01.1"), 400},
      {"lower-case protocol", line("GET / http/1.1"), 400},
      {"another protocol", line("GET / HTTQ/1.1"), 400},
      {"CONNECT", line("CONNECT a:80 HTTP/1.1"), 400},
      {"asterisk with GET", line("GET * HTTP/1.1"), 400},
      {"relative path", line("GET a/b HTTP/1.1"), 400},
      {"another scheme", line("GET ftp://a/ HTTP/1.1"), 400},
      {"userinfo in the target", line("GET http://u:p@a/ HTTP/1.1"), 400},
      {"empty authority", line("GET http:///x HTTP/1.1"), 400},
      {"two empty lines first", "\r\n\r\n" + line("GET / HTTP/1.1"), 400},
      {"bare LF first", "\n" + line("GET / HTTP/1.1"), 400},
      {"line over its limit", line("GET /" + std::string(4090, 'x') + " HTTP/1.1"),
       414},
  };
}

std::vector<Hostile> field_lines() {
  return {
      {"no Host on 1.1", "GET / HTTP/1.1\r\n\r\n", 400},
      {"no Host on 1.1 with an absolute-form", "GET http://a/ HTTP/1.1\r\n\r\n", 400},
      {"bad Host with an absolute-form", "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n",
       400},
      {"two Hosts with an absolute-form",
       "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"two Host fields", field("Host: a"), 400},
      {"two Host fields on 1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n", 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"Host with an escape of no digits", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", 400},
      {"Host with half an escape", "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n", 400},
      {"target with half an escape in its host",
       "GET http://%/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400},
      {"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
      {"Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
      {"Host with text after the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
       400},
      {"space before the colon", field("X-A : b"), 400},
      {"tab before the colon", field("X-A\t: b"), 400},
      {"space before Content-Length's colon", field("Content-Length : 5"), 400},
      {"no colon", field("X-A"), 400},
      {"empty name", field(": b"), 400},
      {"name that is no token", field("X(A): b"), 400},
      {"name outside ASCII", field("X\xc3\xa9: b"), 400},
      {"continued line", field("X-A: b\r\n c"), 400},
      {"continued line after the request line",
       "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400},
      {"bare LF in a field", field("X-A: b\nX-B: c"), 400},
      {"bare CR in a field", field("X-A: b\rX-B: c"), 400},
      {"CR CR LF", field("X-A: b\r"), 400},
      {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"NUL in a value", field("X-A: b\0c"s), 400},
      {"NUL in a name", field("X\0A: b"s), 400},
      {"control in a value", field("X-A: \x01"), 400},
      {"DEL in a value", field("X-A: \x7f"), 400},
      {"two Content-Types", field("Content-Type: a/b\r\ncontent-type: a/b"), 400},
      {"another expectation", field("Expect: 200-ok"), 417},
      {"field over its limit", field("X-A: " + std::string(8186, 'x')), 431},
      {"too many fields", fields(101), 431},
  };
}

std::vector<Hostile> framings() {
  const auto length = [](std::string_view value) {
    return field("Content-Length: " + std::string{value});
  };
  const auto coding = [](std::string_view value) {
    return field("Transfer-Encoding: " + std::string{value});
  };
  return {
      {"empty length", length(""), 400},
      {"negative length", length("-1"), 400},
      {"length with plus", length("+1"), 400},
      {"hexadecimal length", length("0x1"), 400},
      {"length with underscore", length("1_0"), 400},
      {"length with space inside", length("1 0"), 400},
      {"length list", length("5, 5"), 400},
      {"length with trailing comma", length("5,"), 400},
      {"fractional length", length("5.0"), 400},
      {"length with vertical tab", length("\v5"), 400},
      {"length with NBSP",
       length("\xa0"
              "5"),
       400},
      {"length of 2^63", length("9223372036854775808"), 400},
      {"length of 2^64 + 5", length("18446744073709551621"), 400},
      {"same length twice", field("Content-Length: 5\r\nContent-Length: 5"), 400},
      {"two lengths", field("Content-Length: 5\r\nContent-Length: 6"), 400},
      {"length, then chunked", field("Content-Length: 5\r\nTransfer-Encoding: chunked"),
       400},
      {"chunked, then length", field("Transfer-Encoding: chunked\r\nContent-Length: 5"),
       400},
      {"chunked, then bad length",
       field("Transfer-Encoding: chunked\r\nContent-Length: x"), 400},
      {"chunked twice",
       field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400},
      {"chunked on 1.0",
       "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"empty coding", coding(""), 400},
      {"chunked twice in a list", coding("chunked, chunked"), 400},
      {"chunked is not last", coding("chunked, identity"), 400},
      {"chunked with a comma", coding("chunked,"), 400},
      {"comma before chunked", coding(",chunked"), 400},
      {"quoted chunked", coding("\"chunked\""), 400},
      {"chunked with a parameter", coding("chunked;a=b"), 400},
      {"chunked after NBSP",
       coding("\xa0"
              "chunked"),
       400},
      {"chunked after vertical tab", coding("\vchunked"), 400},
      {"chunked with text", coding("chunked x"), 400},
      {"unknown coding", coding("xchunked"), 501},
      {"identity", coding("identity"), 501},
      {"gzip", coding("gzip"), 501},
      {"gzip, then chunked", coding("gzip, chunked"), 501},
  };
}

void refuse(const std::vector<Hostile>& all) {
  for (const auto& [what, request, status] : all) {
    INFO(what);
    const auto whole = test::feed_head(request, {}, {});
    REQUIRE(whole.state == Parse::failed);
    REQUIRE(whole.status == status);
    // Long ones only bring more of the same byte.
    const std::size_t step = request.size() > 1000 ? 97 : 1;
    for (std::size_t cut = 1; cut < request.size(); cut += step) {
      REQUIRE(test::feed_head(request, {}, {cut}) == whole);
    }
    REQUIRE(test::feed_head(request, {}, test::every_byte(request)) == whole);
  }
}

}  // namespace

TEST_CASE("a hostile request line is refused, whole and in pieces", "[parser]") {
  refuse(request_lines());
}

TEST_CASE("a hostile field is refused, whole and in pieces", "[parser]") {
  refuse(field_lines());
}

TEST_CASE("an ambiguous body framing is refused, whole and in pieces", "[parser]") {
  refuse(framings());
}

TEST_CASE("a name with an underscore is refused where the settings say so",
          "[parser]") {
  http::HeadLimits limits;
  limits.underscores = http::HeadLimits::Underscores::refuse;
  CHECK(test::feed_head(field("X_A: b"), limits, {}).status == 400);
  CHECK(test::feed_head(field("X-A: b"), limits, {}).state == Parse::complete);
}

TEST_CASE("every control byte is refused at every place of a head", "[parser]") {
  const std::string good =
      "GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: text/html, b\r\n\r\n";
  for (unsigned c = 0; c <= 0x7f; ++c) {
    if (c >= 0x20 && c != 0x7f) continue;
    if (c == '\t') continue;  // white space in values
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      if (good[at] == static_cast<char>(c)) continue;
      bad[at] = static_cast<char>(c);
      INFO("byte " << c << " at " << at);
      // In place of the last LF it may still be an unfinished head, if it is a CR.
      REQUIRE(test::feed_head(bad, {}, {}).state != Parse::complete);
    }
  }
}

TEST_CASE("bytes that were read before are read again only for a new line",
          "[parser]") {
  // Seen through bytes that change behind the parser's back: whoever reads them again
  // finds the NUL. Otherwise a head that comes byte by byte costs its square.
  std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(8000, 'x');
  http::RequestHead head;
  std::size_t scanned = 0;
  REQUIRE(http::parse_head(request, {}, scanned, head).state == Parse::incomplete);
  CHECK(scanned == request.size());
  request[100] = '\0';
  request += "yy";
  CHECK(http::parse_head(request, {}, scanned, head).state == Parse::incomplete);
  CHECK(scanned == request.size());
  request += "\r\n";
  CHECK(http::parse_head(request, {}, scanned, head).state == Parse::failed);
}

// SPDX-License-Identifier: Apache-2.0
#include "worker/http/parser.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/http_feed.h"

using namespace monodon;
using http::Framing;
using http::HeadLimits;
using http::Parse;
using Underscores = http::HeadLimits::Underscores;

namespace {

// Keeps the bytes that the views of a head point to.
struct Parsed {
  std::string bytes;
  http::RequestHead head;
  http::HeadResult result;

  explicit Parsed(std::string input, const HeadLimits& limits = {})
      : bytes{std::move(input)} {
    std::size_t scanned = 0;
    result = http::parse_head(bytes, limits, scanned, head);
    INFO(bytes);
    INFO(result.error.reason);
    CHECK(result.state == Parse::complete);
    CHECK(result.consumed == bytes.size());
    CHECK(scanned == 0);
  }
};

std::string with_fields(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n";
}

}  // namespace

TEST_CASE("a request is taken apart into what the application sees", "[parser]") {
  const Parsed got{
      "POST /caf%C3%A9/x?a=b&c=?d HTTP/1.1\r\nHost: example.com:8080\r\n"
      "Accept:text/html \t\r\nContent-Length: 007\r\nX-Empty:\r\nX-Empty: \t \r\n\r\n"};
  CHECK(got.head.method == "POST");
  CHECK(got.head.target == "/caf%C3%A9/x?a=b&c=?d");
  CHECK(got.head.path == "/caf%C3%A9/x");
  CHECK(got.head.query == "a=b&c=?d");
  CHECK(got.head.host == "example.com:8080");
  CHECK(got.head.request_line == "POST /caf%C3%A9/x?a=b&c=?d HTTP/1.1");
  CHECK(got.head.framing == Framing::length);
  CHECK(got.head.content_length == 7);
  CHECK(got.head.keep_alive);
  REQUIRE(got.head.fields.size() == 5);
  CHECK(got.head.find("accept") == "text/html");
  CHECK(got.head.find("X-Empty").empty());
  CHECK(got.head.find("X-Empty").data() != nullptr);
  CHECK(got.head.find("X-Other").data() == nullptr);
  CHECK(test::views_inside(got.head, got.bytes));
}

TEST_CASE("only the head is consumed, what follows is left", "[parser]") {
  const std::string two = with_fields("") + "GET /next HTTP/1.1\r\n";
  http::RequestHead head;
  std::size_t scanned = 0;
  const auto result = http::parse_head(two, {}, scanned, head);
  CHECK(result.state == Parse::complete);
  CHECK(result.consumed == with_fields("").size());
}

TEST_CASE("a head is forgotten when it is used again", "[parser]") {
  http::RequestHead head;
  std::size_t scanned = 0;
  const std::string first =
      "POST http://h/p?q HTTP/1.0\r\nA: b\r\nX_Y: z\r\nContent-Length: 3\r\n\r\n";
  REQUIRE(http::parse_head(first, {}, scanned, head).state == Parse::complete);
  const std::string second = with_fields("");
  REQUIRE(http::parse_head(second, {}, scanned, head).state == Parse::complete);
  CHECK(head.framing == Framing::none);
  CHECK(head.content_length == 0);
  CHECK(head.query.empty());
  CHECK(head.host == "a");
  CHECK(head.keep_alive);
  CHECK(head.dropped_fields == 0);
  CHECK(head.fields.size() == 1);
}

TEST_CASE("one empty line before the request line is skipped", "[parser]") {
  const Parsed got{"\r\n" + with_fields("")};
  CHECK(got.head.request_line == "GET / HTTP/1.1");
}

TEST_CASE("each form of target gives its path, query and host", "[parser]") {
  struct Row {
    const char* line;
    const char* path;
    const char* query;
    const char* host;
  };
  const Row row = GENERATE(
      Row{"GET / HTTP/1.1", "/", "", "h.example"},
      Row{"GET //x HTTP/1.1", "//x", "", "h.example"},
      Row{"GET /?? HTTP/1.1", "/", "?", "h.example"},
      Row{"GET /a|b{c}\"\xc3\xa9 HTTP/1.1", "/a|b{c}\"\xc3\xa9", "", "h.example"},
      Row{"M-SEARCH /x HTTP/1.1", "/x", "", "h.example"},
      Row{"OPTIONS * HTTP/1.1", "*", "", "h.example"},
      Row{"GET http://h.example HTTP/1.1", "/", "", "h.example"},
      Row{"GET HTTP://H.example/ HTTP/1.1", "/", "", "H.example"},
      Row{"GET http://h.example:80/a/b?c HTTP/1.1", "/a/b", "c", "h.example:80"},
      Row{"GET https://h.example:443/a HTTP/1.1", "/a", "", "h.example:443"},
      Row{"GET http://h.example?q HTTP/1.1", "/", "q", "h.example"},
      Row{"OPTIONS http://h.example HTTP/1.1", "*", "", "h.example"},
      Row{"OPTIONS http://h.example/ HTTP/1.1", "/", "", "h.example"});
  const Parsed got{std::string{row.line} + "\r\nHost: h.example\r\n\r\n"};
  CHECK(got.head.path == row.path);
  CHECK(got.head.query == row.query);
  CHECK(got.head.host == row.host);
  CHECK(test::views_inside(got.head, got.bytes));
}

TEST_CASE("with an absolute-form Host is ignored, whatever host it names", "[parser]") {
  const Parsed got{"GET http://10.0.0.1:81/x HTTP/1.1\r\nHost: bar\r\n\r\n"};
  CHECK(got.result.state == Parse::complete);
  CHECK(got.head.host == "10.0.0.1:81");
}

TEST_CASE("an absolute-form is enough of a host for HTTP/1.0", "[parser]") {
  CHECK(Parsed{"GET http://h/ HTTP/1.0\r\n\r\n"}.head.host == "h");
}

TEST_CASE("Host may be a name, an address, an IPv6 literal, with a port", "[parser]") {
  const auto* host = GENERATE("a", "a.b-c.example", "10.0.0.1:8000", "[::1]",
                              "[::1]:80", "a:", "_dmarc.x", "%41", "localhost");
  const Parsed got{"GET / HTTP/1.1\r\nHost: " + std::string{host} + "\r\n\r\n"};
  CHECK(got.head.host == host);
}

TEST_CASE("a client keeps the connection as its version and Connection say",
          "[parser]") {
  struct Row {
    const char* version;
    const char* fields;
    bool keep;
  };
  const Row row =
      GENERATE(Row{"1.1", "", true}, Row{"1.0", "", false},
               Row{"1.1", "Connection: close\r\n", false},
               Row{"1.1", "connection: Keep-Alive\r\n", true},
               Row{"1.0", "Connection: keep-alive\r\n", true},
               Row{"1.0", "Connection: TE , Keep-Alive\r\n", true},
               Row{"1.1", "Connection: foo,,CLOSE\r\n", false},
               Row{"1.0", "Connection: keep-alive, close\r\n", false},
               Row{"1.0", "Connection: keep-alive\r\nConnection: close\r\n", false},
               Row{"1.1", "Connection: closed, not-close\r\n", true},
               Row{"1.1", "Connection:\r\n", true});
  const Parsed got{"GET / HTTP/" + std::string{row.version} + "\r\nHost: a\r\n" +
                   row.fields + "\r\n"};
  CHECK(got.head.keep_alive == row.keep);
}

TEST_CASE("the framing of the body is length, chunked or none", "[parser]") {
  CHECK(Parsed{with_fields("")}.head.framing == Framing::none);
  CHECK(Parsed{with_fields("transfer-encoding:\tChunked \r\n")}.head.framing ==
        Framing::chunked);
  const Parsed largest{with_fields("Content-Length: 9223372036854775807\r\n")};
  CHECK(largest.head.content_length == 9223372036854775807U);
  const Parsed zero{with_fields("Content-Length: 0\r\n")};
  CHECK(zero.head.framing == Framing::length);
  CHECK(zero.head.content_length == 0);
}

TEST_CASE("100-continue is expected only by 1.1 clients that send a body", "[parser]") {
  const std::string expect = "Expect: 100-Continue\r\n";
  CHECK(Parsed{with_fields(expect + "Content-Length: 3\r\n")}.head.expect_continue);
  CHECK(Parsed{with_fields(expect + "Transfer-Encoding: chunked\r\n")}
            .head.expect_continue);
  CHECK_FALSE(Parsed{with_fields(expect)}.head.expect_continue);
  CHECK_FALSE(
      Parsed{with_fields(expect + "Content-Length: 0\r\n")}.head.expect_continue);
  CHECK_FALSE(Parsed{"POST / HTTP/1.0\r\n" + expect + "Content-Length: 3\r\n\r\n"}
                  .head.expect_continue);
}

TEST_CASE("Proxy and names with an underscore are dropped and counted", "[parser]") {
  const Parsed got{
      with_fields("Proxy: http://evil\r\nX_Real_IP: 1.1.1.1\r\n"
                  "SCRIPT_NAME: /x\r\nX-Real: 1\r\nProxy-X: 2\r\n")};
  CHECK(got.head.dropped_fields == 3);
  CHECK(got.head.fields.size() == 3);
  CHECK(got.head.forwarder_fields.empty());
}

TEST_CASE("names with an underscore are kept where the settings say so", "[parser]") {
  HeadLimits limits;
  limits.underscores = Underscores::keep;
  const Parsed got{with_fields("X_A: 1\r\nX-B: 2\r\n"), limits};
  CHECK(got.head.dropped_fields == 0);
  CHECK(got.head.find("X_A") == "1");
}

TEST_CASE("forwarder names go aside under every policy", "[parser]") {
  const std::vector<std::string> names{"SCRIPT_NAME", "PATH_INFO"};
  HeadLimits limits;
  limits.forwarder_names = names;
  limits.underscores =
      GENERATE(Underscores::drop, Underscores::refuse, Underscores::keep);
  const Parsed got{with_fields("Script_Name: /app\r\nX-B: 2\r\n"), limits};
  CHECK(got.head.find("SCRIPT_NAME").data() == nullptr);
  CHECK(got.head.dropped_fields == 0);
  REQUIRE(got.head.forwarder_fields.size() == 1);
  CHECK(got.head.forwarder_fields[0].value == "/app");
}

TEST_CASE("a head that is exactly as long as its limits allow is taken", "[parser]") {
  HeadLimits limits;
  limits.request_line = 20;
  limits.fields = 2;
  limits.field_size = 12;
  const std::string line = "GET /123456 HTTP/1.1";
  REQUIRE(line.size() == 20);
  const std::string head = line + "\r\nHost: 123456\r\nA: 123456789\r\n\r\n";
  const Parsed got{head, limits};
  CHECK(got.head.fields.size() == 2);
  CHECK(limits.longest_head() == head.size() + 2);
  CHECK(test::feed_head(head, limits, test::every_byte(head)).state == Parse::complete);
}

TEST_CASE("a limit strikes before the line that breaks it is over", "[parser]") {
  HeadLimits limits;
  limits.request_line = 20;
  limits.field_size = 12;
  http::RequestHead head;
  const auto status = [&](std::string_view input, std::size_t scanned) {
    const auto result = http::parse_head(input, limits, scanned, head);
    return result.state == Parse::failed ? result.error.status : 0;
  };
  CHECK(status("GET /1234567890123456", 0) == 414);
  CHECK(status("GET /1234567890123456", 20) == 414);
  CHECK(status("\r\nGET /1234567890123456", 22) == 414);
  CHECK(status("GET /12345 HTTP/1.1\r\nHost: 1234567", 0) == 431);
  CHECK(status("GET /12345 HTTP/1.1\r\nHost: 1234567", 33) == 431);
  CHECK(status("GET /12345 HTTP/1.1\r\nHost: 123456", 33) == 0);
}

TEST_CASE("a byte that no line may hold is refused as soon as it comes", "[parser]") {
  http::RequestHead head;
  std::size_t scanned = 0;
  REQUIRE(http::parse_head("GET /", {}, scanned, head).state == Parse::incomplete);
  CHECK(scanned == 5);
  CHECK(http::parse_head(std::string_view{"GET /\0", 6}, {}, scanned, head).state ==
        Parse::failed);
  // TLS where plain text is expected.
  scanned = 0;
  CHECK(http::parse_head("\x16\x03\x01", {}, scanned, head).state == Parse::failed);
}

TEST_CASE("a request is the same in one piece and in any two pieces", "[parser]") {
  const std::string request =
      "\r\nPOST /a?b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n"
      "X-Long: 0123456789012345678901234567890123456789\r\nX_Y: "
      "1\r\nEmpty:\r\n\r\nrest";
  const auto whole = test::feed_head(request, {}, {});
  REQUIRE(whole.state == Parse::complete);
  CHECK(whole.consumed == request.size() - 4);
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    REQUIRE(test::feed_head(request, {}, {cut}) == whole);
  }
  CHECK(test::feed_head(request, {}, test::every_byte(request)) == whole);
}

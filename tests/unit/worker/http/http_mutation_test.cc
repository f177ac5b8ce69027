// SPDX-License-Identifier: Apache-2.0
// Small damage to good input, the same in every run. tests/fuzz looks further
// with the same invariants.
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/cpp/http_invariants.h"

using namespace monodon;
using namespace std::string_literals;

namespace {

const std::vector<std::string> kHeads{
    "GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 5\r\n\r\nhello",
    "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: "
    "100-continue\r\n\r\n",
    "\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close, te\r\n\r\n",
    "GET http://a:80/b?c HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /x\r\nX_Y: z\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\nProxy: x\r\n\r\n",
};
const std::vector<std::string> kForwarded{
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.7:80, "
    "10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Request-ID: abc\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: [2001:db8::1]:80\r\n"
    "X-Forwarded-Ssl: on\r\nSCRIPT_NAME: /a\r\nPATH_INFO: /b\r\n\r\n",
};
const std::vector<std::string> kBodies{
    "5\r\nhello\r\n0\r\n\r\n",
    "a;x=\"y z\"\r\n0123456789\r\n1\r\n!\r\n000\r\nTrailer-A: b\r\nC:\r\n\r\nGET",
};
const std::vector<std::string> kResponses{
    "200 OK\nContent-Type: text/html\nContent-Length:10\nX-A: b",
    "404 Not Found\nConnection:close\nSet-Cookie: a=b; c\nSet-Cookie: d",
};
const std::vector<std::string> kPieces{"\r\n",
                                       "\n",
                                       "\r",
                                       "\0"s,
                                       " ",
                                       "\t",
                                       ":",
                                       ",",
                                       ";",
                                       "\x0b",
                                       "\x7f",
                                       "\xa0",
                                       "_",
                                       "-",
                                       "0",
                                       "5",
                                       "f",
                                       "Host: a\r\n",
                                       "Content-Length: 5\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "chunked",
                                       "HTTP/1.1",
                                       "HTTP/1.0",
                                       "#",
                                       "?",
                                       "*",
                                       "http://",
                                       "@",
                                       "[",
                                       "]",
                                       "SCRIPT_NAME",
                                       "\r\n ",
                                       "\r\n\r\n"};

std::string mutate(std::string text, std::mt19937& random) {
  for (auto times = 1 + random() % 3; times > 0; --times) {
    const std::size_t at = random() % (text.size() + 1);
    const std::size_t count = 1 + random() % 4;
    switch (random() % 6) {
      case 0:
        text.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 1:
        text.erase(at, count);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3:
        text.replace(at, count, kPieces[random() % kPieces.size()]);
        break;
      case 4:
        text.insert(at, text.substr(random() % (text.size() + 1), random() % 40));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ 0x20);
        break;
    }
  }
  return text;
}

template <typename Check>
void damage(const std::vector<std::string>& good, unsigned rounds, Check check) {
  for (unsigned seed = 0; seed < rounds; ++seed) {
    std::mt19937 random{seed};
    const std::string input = mutate(good[seed % good.size()], random);
    const std::string problem = check(input, seed);
    if (!problem.empty()) {
      INFO("seed " << seed);
      CAPTURE(input, problem);
      FAIL();
    }
  }
}

}  // namespace

TEST_CASE("good requests keep the invariants that damaged ones must keep",
          "[mutation]") {
  for (const auto& head : kHeads) CHECK(test::broken_head(head, 1).empty());
  for (const auto& head : kForwarded) CHECK(test::broken_origin(head, 0).empty());
  for (const auto& body : kBodies) CHECK(test::broken_chunked(body, 1).empty());
  for (const auto& response : kResponses)
    CHECK(test::broken_response(response, 0).empty());
}

TEST_CASE("no damage to a request makes it two requests", "[mutation]") {
  damage(kHeads, 10000, test::broken_head);
}

TEST_CASE("no damage to a request makes a stranger believed", "[mutation]") {
  damage(kForwarded, 10000, test::broken_origin);
}

TEST_CASE("no damage to a chunked body depends on how it is cut", "[mutation]") {
  damage(kBodies, 10000, test::broken_chunked);
}

TEST_CASE("no damage to a response splits it", "[mutation]") {
  damage(kResponses, 10000, test::broken_response);
}

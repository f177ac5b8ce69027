// SPDX-License-Identifier: Apache-2.0
#include "worker/access/access_log.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/support/cpp/access_record.h"
#include "worker/access/access_values.h"

using namespace monodon;
using namespace monodon::worker;
using monodon::testing::Finished;
using monodon::testing::line;

TEST_CASE("the default line is Gunicorn's", "[access]") {
  const Finished request;
  CHECK(
      line(request.record, "") ==
      R"(192.0.2.7 - alice [23/Nov/2026:21:26:50 +0000] )"
      R"("GET /caf%C3%A9?q=1 HTTP/1.1" 200 1234 "https://example.org/" "curl/7.88.1")");
}

TEST_CASE("every atom shows its value", "[access]") {
  const Finished request;
  CHECK(line(request.record, "%(m)s %(U)s %(q)s %(H)s") ==
        "GET /caf\\xc3\\xa9 q=1 HTTP/1.1");
  CHECK(line(request.record, "%(s)s %(B)s %(b)s %(T)s %(M)s %(D)s %(L)s") ==
        "200 1234 1234 2 2034 2034567 2.034567");
  CHECK(line(request.record, "%(D)d%%") == "2034567%");
  CHECK(line(request.record, "%(p)s") == "<" + std::to_string(::getpid()) + ">");
  CHECK(line(request.record, "\"%({x-thing}i)s\" %({x-cache}o)s %({X-None}i)s") ==
        "\"some thing\" hit -");
  CHECK(line(request.record, "%({Content-Type}o)s") == "text/html");
  CHECK(
      line(request.record,
           "%({REMOTE_ADDR}e)s %({REQUEST_ID}e)s %({wsgi.url_scheme}e)s "
           "%({http_user_agent}e)s %({Query_String}e)s %({PATH_INFO}e)s %({NONE}e)s") ==
      "192.0.2.7 abc-1 https curl/7.88.1 q=1 /caf\\xc3\\xa9 -");
}

TEST_CASE("what is missing is a dash", "[access]") {
  const Finished whole;
  AccessRecord record;
  record.wall_seconds = whole.record.wall_seconds;
  CHECK(line(record, "") == R"(- - - [23/Nov/2026:21:26:50 +0000] "-" - 0 "-" "-")");
  CHECK(line(record, "%(m)s %(U)s %(q)s %(H)s %({x}i)s %({x}o)s %({X}e)s") ==
        "- - - - - - -");
  http::RequestHead bare;
  bare.request_line = "GET / HTTP/1.0";
  bare.minor_version = 0;
  record.head = &bare;
  CHECK(line(record, "%(u)s \"%(r)s\" %(H)s \"%(f)s\" %(q)s|") ==
        "- \"GET / HTTP/1.0\" HTTP/1.0 \"-\" |");
}

TEST_CASE("a client cannot forge a line, nor a field of it", "[access]") {
  Finished request;
  // "eve [x] \"GET /" as user name
  request.head.fields = {{"User-Agent", "a\" 200 5 \"b\r\n10.0.0.1 - \\ \x1b[2J\xe9"},
                         {"Authorization", "Basic ZXZlIFt4XSAiR0VUIC8iOnA="},
                         {"X-Forged", "1 200 \"x"}};
  request.record.remote_addr = "1 2";
  CHECK(line(request.record,
             R"(%(h)s %(u)s "%(a)s" %({x-forged}i)s "%({x-forged}i)s")") ==
        R"(1\x202 eve\x20[x]\x20\"GET\x20/\" )"
        R"("a\" 200 5 \"b\x0d\x0a10.0.0.1 - \\ \x1b[2J\xe9" )"
        R"(1\x20200\x20\"x "1 200 \"x")");
}

TEST_CASE("a format that is not understood is refused with its position", "[access]") {
  for (const char* format :
       {"%(h)s %(z)s", "%(h)s %h", "%(h)s %(h", "%(h)s %(h)", "%(h)s %(h)d",
        "%(h)s %({}i)s", "%(h)s %({x}q)s", "%(h)s %", "%(h)s %({x)s", "%(h)s %()s"}) {
    CAPTURE(format);
    auto compiled = AccessFormat::compile(format);
    REQUIRE_FALSE(compiled);
    CHECK(compiled.error().message().starts_with("position 7: '%"));
  }
  CHECK(AccessFormat::compile("%(z)s x").error().message() ==
        "position 1: '%(z)s' is no atom of the access log");
}

TEST_CASE("names come out of Basic credentials and nothing else", "[access]") {
  CHECK(access::basic_user("Basic YWxpY2U6c2VjcmV0") == "alice");
  CHECK(access::basic_user("basic YWxpY2U6") == "alice");
  CHECK(access::basic_user("Basic  YTo=") == "a");
  CHECK(access::basic_user("Basic OnB3").empty());
  CHECK(access::basic_user("Basic YWxpY2U=").empty());  // no colon
  CHECK(access::basic_user("Basic YWx\npY2U6").empty());
  CHECK(access::basic_user("Bearer YWxpY2U6c2VjcmV0").empty());
  CHECK(access::basic_user("Basic").empty());
  CHECK(access::basic_user("").empty());
}

TEST_CASE("a path is decoded once and only where there is an escape", "[access]") {
  CHECK(access::percent_decoded("/a%20b%2541%") == "/a b%41%");
  CHECK(access::percent_decoded("%zz%4") == "%zz%4");
  CHECK(access::percent_decoded("%+1%-1%") == "%+1%-1%");
}

TEST_CASE("random fields keep text one line and JSON valid", "[access][fuzz]") {
  Finished request;
  std::mt19937 random{23};
  const auto noise = [&random] {
    std::string text(random() % 30, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  };
  bool fine = true;
  for (int i = 0; i < 1000; ++i) {
    const std::string a = noise();
    const std::string b = noise();
    const std::string c = noise();
    request.head.fields = {{"User-Agent", a}, {"Referer", b}, {"Authorization", c}};
    request.head.request_line = request.head.target = request.head.path = c;
    request.record.remote_addr = b;
    const std::string text =
        line(request.record, "%(h)s \"%(r)s\" \"%(a)s\" %(U)s %(f)s");
    std::size_t spaces = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const char byte = text[at];
      fine = fine && byte >= 0x20 && byte < 0x7f;
      if (byte == '\\') {
        ++at;
      } else if (byte == '"') {
        quoted = !quoted;
      } else if (byte == ' ' && !quoted) {
        ++spaces;
      }
    }
    fine = fine && spaces == 4 && !quoted;
    fine = fine && nlohmann::json::accept(line(request.record, "json"));
  }
  CHECK(fine);
}

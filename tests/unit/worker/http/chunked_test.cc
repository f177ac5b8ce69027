// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "tests/support/cpp/http_feed.h"
#include "worker/http/parser.h"

using namespace monodon;
using namespace std::string_literals;
using http::ChunkedDecoder;
using http::Parse;

namespace {

// Whole, and cut into two at every byte, and byte by byte: all the same.
test::BodyVerdict feed(std::string_view input) {
  const auto whole = test::feed_chunked(input, {});
  const std::size_t step = input.size() > 1000 ? 97 : 1;
  for (std::size_t cut = 1; cut < input.size(); cut += step) {
    INFO("cut at " << cut);
    REQUIRE(test::feed_chunked(input, {cut}) == whole);
  }
  REQUIRE(test::feed_chunked(input, test::every_byte(input)) == whole);
  return whole;
}

std::string hex(std::size_t number) {
  char text[20];
  const int length = std::snprintf(text, sizeof text, "%zx", number);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

TEST_CASE("a chunked body is its chunks, and what follows is left", "[chunked]") {
  struct Row {
    std::string input;
    const char* data;
  };
  const Row row = GENERATE(
      Row{"0\r\n\r\n", ""}, Row{"5\r\nhello\r\n0\r\n\r\n", "hello"},
      Row{"5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world"},
      Row{"a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789"},
      Row{"000000000000005\r\nhello\r\n0\r\n\r\n", "hello"},
      Row{"5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\n\r\n", "hello"},
      Row{"5 ;a=b\r\nhello\r\n0\t; a = b ;c\r\n\r\n", "hello"},
      Row{"5;a=\"\\\"\\\\; \xc3\xa9\"\r\nhello\r\n0;a=\"\" ;b\r\n\r\n", "hello"},
      Row{"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"},
      Row{"1\r\nx\r\n0\r\nDigest: a b\r\nX-Empty:\r\n\r\n", "x"});
  const auto got = feed(row.input + "GET /next");
  CHECK(got.state == Parse::complete);
  CHECK(got.data == row.data);
  CHECK(got.consumed == row.input.size());
}

TEST_CASE("a chunked body that has not ended wants more", "[chunked]") {
  const std::string all = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < all.size(); ++size) {
    const auto got = test::feed_chunked(all.substr(0, size), {});
    REQUIRE(got.state == Parse::incomplete);
    REQUIRE(got.consumed == size);
  }
}

TEST_CASE("chunk framing that could be read in two ways is refused", "[chunked]") {
  struct Row {
    const char* what;
    std::string input;
  };
  const Row row = GENERATE(values<Row>({
      {"no size", "\r\nhello\r\n0\r\n\r\n"},
      {"no size before an extension", ";x\r\n0\r\n\r\n"},
      {"sign", "+5\r\nhello\r\n0\r\n\r\n"},
      {"minus", "-1\r\n"},
      {"prefix", "0x5\r\nhello\r\n0\r\n\r\n"},
      {"underscore", "1_0\r\n"},
      {"no hexadecimal digit", "g\r\n"},
      {"space before the size", " 5\r\nhello\r\n0\r\n\r\n"},
      {"space after the size", "5 \r\nhello\r\n0\r\n\r\n"},
      {"space and something else after the size", "5 x\r\n"},
      {"extension without a name", "5;\r\nhello\r\n0\r\n\r\n"},
      {"extension of an equals sign", "5;=\r\n"},
      {"extension without a name after another", "5;a;\r\n"},
      {"extension without a value", "5;a=\r\n"},
      {"extension without a value before another", "5;a=;b\r\n"},
      {"name that is no token", "5;bad[=x\r\n"},
      {"value that is no token", "5;a=b[\r\n"},
      {"two words for a name", "5;a b\r\n"},
      {"two words for a value", "5;a=b c\r\n"},
      {"space after a name", "5;a \r\n"},
      {"space after a value", "5;a=b \r\n"},
      {"quotes without an end", "5;a=\"un\r\nhello\r\n0\r\n\r\n"},
      {"escaped CR in quotes", "5;a=\"\\\r\n"},
      {"text after the quotes", "5;a=\"b\"c\r\n"},
      {"16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n"},
      {"2^64", "10000000000000000\r\n"},
      {"size of 2^64 - 1", "ffffffffffffffff\r\n"},
      {"bare LF after the size", "5\nhello\r\n0\r\n\r\n"},
      {"bare CR after the size", "5\rhello\r\n0\r\n\r\n"},
      {"bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"},
      {"bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"},
      {"NUL in an extension", "5;\0\r\nhello\r\n0\r\n\r\n"s},
      {"data too long", "4\r\nhello\r\n0\r\n\r\n"},
      {"data too short", "6\r\nhello\r\n0\r\n\r\n"},
      {"bare LF after data", "5\r\nhello\n0\r\n\r\n"},
      {"bare CR after data", "5\r\nhello\r0\r\n\r\n"},
      {"CR and another byte after data", "5\r\nhello\rX0\r\n\r\n"},
      {"two other bytes after data", "5\r\nhelloXX0\r\n\r\n"},
      {"bare LF at the end", "0\r\n\n"},
      {"CR and another byte at the end", "0\r\n\rX"},
      {"bare LF after the last size", "0\n\r\n"},
      {"trailer without colon", "0\r\nabc\r\n\r\n"},
      {"trailer without name", "0\r\n: x\r\n\r\n"},
      {"trailer with space before the colon", "0\r\nA : x\r\n\r\n"},
      {"continued trailer", "0\r\nA: x\r\n y\r\n\r\n"},
      {"continued trailer at once", "0\r\n A: x\r\n\r\n"},
      {"bare LF in a trailer", "0\r\nA: x\nB: y\r\n\r\n"},
      {"bare CR in a trailer", "0\r\nA: x\rB: y\r\n\r\n"},
      {"NUL in a trailer", "0\r\nA: \0\r\n\r\n"s},
  }));
  INFO(row.what);
  CHECK(feed(row.input).state == Parse::failed);
  ChunkedDecoder decoder;
  ChunkedDecoder::Step step;
  for (std::string_view rest = row.input; step.state == Parse::incomplete;) {
    step = decoder.step(rest);
    REQUIRE((step.consumed > 0 || step.state == Parse::failed));
    rest.remove_prefix(step.consumed);
  }
  // A client that is told 400 is told why, and so is the log.
  CHECK_FALSE(std::string{step.error.reason}.empty());
}

TEST_CASE("framing may not outweigh the body", "[chunked]") {
  const std::string free(16 * 1024 - 20, 'x');
  const std::string over(16 * 1024, 'x');
  CHECK(feed("0;" + free + "\r\n\r\n").state == Parse::complete);
  CHECK(feed("0;" + over + "\r\n\r\n").state == Parse::failed);
  CHECK(feed("0\r\nA: " + free + "\r\n\r\n").state == Parse::complete);
  CHECK(feed("0\r\nA: " + over + "\r\n\r\n").state == Parse::failed);
  // Refused while it comes: nobody waits for the end of 8 MB of extension.
  ChunkedDecoder decoder;
  CHECK(decoder.step("5;" + over).state == Parse::failed);
}

TEST_CASE("each chunk brings room for its own framing only", "[chunked]") {
  const auto body = [](std::size_t chunks, std::size_t extension) {
    std::string text;
    for (std::size_t i = 0; i < chunks; ++i) {
      text += "1;" + std::string(extension, 'e') + "\r\nx\r\n";
    }
    return text + "0\r\n\r\n";
  };
  CHECK(test::feed_chunked(body(10'000, 58), {}).state == Parse::complete);
  CHECK(test::feed_chunked(body(10'000, 80), {}).state == Parse::failed);
  // What chunks brought is not saved up for trailers.
  std::string trailers = body(10'000, 0);
  trailers.resize(trailers.size() - 2);
  trailers += "A: " + std::string(16 * 1024, 'x') + "\r\n\r\n";
  CHECK(test::feed_chunked(trailers, {}).state == Parse::failed);
}

TEST_CASE("the end of a chunked body is final, good or bad", "[chunked]") {
  ChunkedDecoder good;
  CHECK(good.step("0\r\n\r\n").state == Parse::complete);
  CHECK(good.step("0\r\n\r\n").state == Parse::complete);
  CHECK(good.step("x").consumed == 0);
  ChunkedDecoder bad;
  const auto first = bad.step("x\r\n");
  CHECK(first.state == Parse::failed);
  CHECK(first.error.status == 400);
  const auto second = bad.step("5\r\nhello\r\n");
  CHECK(second.state == Parse::failed);
  CHECK(second.consumed == 0);
  CHECK(second.data.empty());
}

TEST_CASE("data are views into the input, without a copy", "[chunked]") {
  const std::string input = "5\r\nhello\r\n";
  ChunkedDecoder decoder;
  const auto step = decoder.step(input);
  CHECK(step.data.data() == input.data() + 3);
  CHECK(step.consumed == 8);
}

TEST_CASE("random chunks in random pieces come out as they went in", "[chunked]") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    std::string data;
    std::string input;
    for (auto chunks = random() % 20; chunks > 0; --chunks) {
      std::string chunk(1 + random() % (random() % 8 == 0 ? 5000 : 20), '\0');
      for (char& c : chunk) c = static_cast<char>(random());
      input += hex(chunk.size()) + (random() % 2 == 0 ? ";e" : "") + "\r\n";
      input += chunk + "\r\n";
      data += chunk;
    }
    input += random() % 2 == 0 ? "0\r\n\r\n" : "0\r\nT: v\r\n\r\n";
    std::vector<std::size_t> stops;
    for (std::size_t at = 0; (at += 1 + random() % 700) < input.size();) {
      stops.push_back(at);
    }
    const auto got = test::feed_chunked(input, stops);
    REQUIRE(got.state == Parse::complete);
    REQUIRE(got.data == data);
    REQUIRE(got.consumed == input.size());
  }
}

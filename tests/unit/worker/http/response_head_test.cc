// SPDX-License-Identifier: Apache-2.0
#include "worker/http/response_head.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace monodon::http;
using namespace std::string_literals;

namespace {

struct Case {
  std::string method = "GET";
  std::uint8_t minor = 1;
  bool client_keeps = true;
  bool may_keep = true;
  std::string status = "200 OK";
  std::vector<Field> fields;
  std::optional<std::uint64_t> known_length;
  std::string server;
  std::string date;
  HopByHop hop_by_hop = HopByHop::refuse;
};

struct Answer {
  ResponsePlan plan;
  std::string error;
  std::string text;
  [[nodiscard]] bool has(const std::string& line) const {
    return text.find("\r\n" + line + "\r\n") != std::string::npos;
  }
  [[nodiscard]] bool names(const std::string& name) const {
    return text.find("\r\n" + name + ":") != std::string::npos;
  }
};

Answer answer(const Case& given) {
  RequestHead request;
  request.method = given.method;
  request.minor_version = given.minor;
  request.keep_alive = given.client_keeps;
  ResponseContext context;
  context.request = &request;
  context.may_keep_alive = given.may_keep;
  context.known_length = given.known_length;
  context.server = given.server;
  context.date = given.date;
  context.hop_by_hop = given.hop_by_hop;
  Answer got;
  got.text = "before";
  auto [plan, error] = write_head({given.status, given.fields}, context, got.text);
  got.plan = plan;
  got.error = std::move(error);
  return got;
}

}  // namespace

TEST_CASE("a head is the application's fields and what the server adds", "[response]") {
  const auto got = answer({.fields = {{"Content-Type", "text/plain"}, {"X-E", ""}},
                           .known_length = 5,
                           .server = "monodon",
                           .date = "today"});
  CHECK(got.error.empty());
  CHECK(got.text ==
        "beforeHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-E: \r\n"
        "Content-Length: 5\r\nServer: monodon\r\nDate: today\r\n\r\n");
  CHECK(got.plan.status == 200);
  CHECK(got.plan.framing == Framing::length);
  CHECK(got.plan.content_length == 5);
  CHECK(got.plan.body_allowed);
  CHECK(got.plan.keep_alive);
}

TEST_CASE("Server and Date of the application replace ours", "[response]") {
  const auto got = answer({.fields = {{"server", "mine"}, {"DATE", "then"}},
                           .known_length = 0,
                           .server = "monodon",
                           .date = "today"});
  CHECK(got.has("server: mine"));
  CHECK(got.has("DATE: then"));
  CHECK_FALSE(got.names("Server"));
  CHECK_FALSE(got.names("Date"));
}

TEST_CASE("a body of unknown length is chunked for 1.1 and closed for 1.0",
          "[response]") {
  const auto chunked = answer({});
  CHECK(chunked.plan.framing == Framing::chunked);
  CHECK(chunked.has("Transfer-Encoding: chunked"));
  CHECK(chunked.plan.keep_alive);
  const auto closed = answer({.minor = 0});
  CHECK(closed.plan.framing == Framing::none);
  CHECK(closed.plan.body_allowed);
  CHECK_FALSE(closed.plan.keep_alive);
  CHECK_FALSE(closed.names("Transfer-Encoding"));
  CHECK_FALSE(closed.names("Connection"));
}

TEST_CASE("Content-Length is the application's or the known one", "[response]") {
  const auto given = answer({.fields = {{"content-length", "0010"}}});
  CHECK(given.plan.content_length == 10);
  CHECK(given.plan.framing == Framing::length);
  CHECK(given.has("Content-Length: 10"));
  CHECK_FALSE(given.names("content-length"));
  const auto both = answer({.fields = {{"Content-Length", "5"}}, .known_length = 5});
  CHECK(both.error.empty());
  CHECK(answer({.known_length = 0}).has("Content-Length: 0"));
}

TEST_CASE("no body goes with HEAD, 204, 205 and 304", "[response]") {
  const auto head = answer({.method = "HEAD"});
  CHECK_FALSE(head.plan.body_allowed);
  CHECK(head.plan.framing == Framing::none);
  CHECK(head.plan.keep_alive);
  CHECK_FALSE(head.names("Transfer-Encoding"));
  CHECK_FALSE(head.names("Content-Length"));
  for (const char* status :
       {"204 No Content", "304 Not Modified", "205 Reset Content"}) {
    const auto got = answer({.status = status, .known_length = 7});
    INFO(status);
    CHECK_FALSE(got.plan.body_allowed);
    CHECK(got.plan.framing == Framing::none);
    CHECK(got.plan.keep_alive);
    CHECK_FALSE(got.names("Transfer-Encoding"));
    CHECK_FALSE(got.has("Content-Length: 7"));
  }
  CHECK(answer({.status = "205 Reset Content"}).has("Content-Length: 0"));
}

TEST_CASE("HEAD and 304 tell the length a GET would have, 204 none", "[response]") {
  const std::vector<Field> length{{"Content-Length", "1000"}};
  const auto head = answer({.method = "HEAD", .fields = length, .known_length = 0});
  CHECK(head.error.empty());
  CHECK(head.has("Content-Length: 1000"));
  CHECK(answer({.method = "HEAD", .known_length = 1000}).has("Content-Length: 1000"));
  // An application that leaves the body out for HEAD does not say that it is empty.
  CHECK_FALSE(answer({.method = "HEAD", .known_length = 0}).names("Content-Length"));
  const auto unchanged = answer({.status = "304 Not Modified", .fields = length});
  CHECK(unchanged.has("Content-Length: 1000"));
  CHECK_FALSE(
      answer({.status = "204 No Content", .fields = length}).names("Content-Length"));
}

TEST_CASE("the connection stays only if client, server and application agree",
          "[response]") {
  struct Row {
    std::uint8_t minor;
    bool client;
    bool may;
    const char* option;
    bool keep;
    const char* said;
  };
  const Row row = GENERATE(
      Row{1, true, true, "", true, ""}, Row{1, false, true, "", false, "close"},
      Row{1, true, false, "", false, "close"},
      Row{1, true, true, "Close", false, "close"},
      Row{1, true, true, "keep-alive", true, ""},
      Row{1, false, true, "Keep-Alive", false, "close"},
      Row{0, true, true, "", true, "keep-alive"}, Row{0, false, true, "", false, ""},
      Row{0, true, true, "close", false, ""});
  Case given{.minor = row.minor, .client_keeps = row.client, .may_keep = row.may};
  given.known_length = 1;
  if (*row.option != '\0') given.fields.push_back({"Connection", row.option});
  const auto got = answer(given);
  CHECK(got.plan.keep_alive == row.keep);
  CHECK(got.names("Connection") == (*row.said != '\0'));
  if (*row.said != '\0') CHECK(got.has("Connection: "s + row.said));
}

TEST_CASE("a response without a request ends the connection", "[response]") {
  std::string out;
  ResponseContext context;
  context.known_length = 0;
  const auto got = write_head({"503 Service Unavailable", {}}, context, out);
  CHECK_FALSE(got.plan.keep_alive);
  CHECK(out.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("a status that could split the response is refused", "[response]") {
  const auto status = GENERATE(
      ""s, "200"s, "20 OK"s, "2000 OK"s, "abc OK"s, "+20 OK"s, "-20 OK"s, " 200 OK"s,
      "099 Low"s, "600 High"s, "100 Continue"s, "101 Switching Protocols"s,
      "200 OK\r\nX: y"s, "200 O\nK"s, "200 O\rK"s, "200 O\0K"s, "200\tOK"s);
  INFO(status);
  const auto got = answer({.status = status});
  CHECK_FALSE(got.error.empty());
  CHECK(got.text == "before");
}

TEST_CASE("a status may have a reason of its own, or none", "[response]") {
  CHECK(answer({.status = "299 "}).error.empty());
  CHECK(answer({.status = "200 OK"}).error.empty());
  CHECK(answer({.status = "599 Odd"}).plan.status == 599);
  CHECK(answer({.status = "404 Gibt's nicht \xc3\xa9"}).plan.status == 404);
}

TEST_CASE("a field that is not the application's to send is refused", "[response]") {
  const auto field = GENERATE(values<Field>({
      {"", "x"},
      {"X A", "x"},
      {"X:", "x"},
      {"X\r\nY", "x"},
      {"X\xe9", "x"},
      {"X", "a\r\nSet-Cookie: b"},
      {"X", "a\nb"},
      {"X", "a\rb"},
      {"X", {"a\0b", 3}},
      {"X", "0123456789abcdef0123456789abcdef\n"},
      {"Content-Length", ""},
      {"Content-Length", "-1"},
      {"Content-Length", "+1"},
      {"Content-Length", "1x"},
      {"Content-Length", " 1"},
      {"Content-Length", "9223372036854775808"},
      {"Transfer-Encoding", "chunked"},
      {"transfer-encoding", "identity"},
      {"Connection", "upgrade"},
      {"Connection", "close, x-foo"},
      {"Keep-Alive", "timeout=5"},
      {"Upgrade", "websocket"},
      {"Trailer", "X"},
      {"Trailers", "X"},
      {"TE", "trailers"},
      {"Proxy-Connection", "close"},
      {"Proxy-Authenticate", "Basic"},
      {"Proxy-Authorization", "x"},
  }));
  INFO(field.name << ": " << field.value);
  const auto got = answer({.fields = {{"X-Ok", "fine"}, field}});
  CHECK_FALSE(got.error.empty());
  CHECK(got.text == "before");
}

TEST_CASE("hop-by-hop fields are left out where that is asked for", "[response]") {
  const auto got = answer({.fields = {{"Transfer-Encoding", "chunked"},
                                      {"Keep-Alive", "timeout=5"},
                                      {"Connection", "Upgrade"},
                                      {"Upgrade", "h2c"},
                                      {"Proxy-Authenticate", "Basic"},
                                      {"X-A", "1"}},
                           .known_length = 2,
                           .hop_by_hop = HopByHop::drop});
  CHECK(got.error.empty());
  CHECK(got.text == "beforeHTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n");
  CHECK(got.plan.keep_alive);
  const auto closed =
      answer({.fields = {{"Connection", "close"}}, .hop_by_hop = HopByHop::drop});
  CHECK_FALSE(closed.plan.keep_alive);
}

TEST_CASE("fields are refused before anything is known of the body", "[response]") {
  std::string out = "before";
  WrittenFields written;
  const std::vector<Field> bad{{"A", "x\ny"}};
  CHECK_FALSE(write_fields({"200 OK", bad}, HopByHop::refuse, out, written).empty());
  CHECK(out == "before");
  const std::vector<Field> good{{"Content-Length", "5"}};
  CHECK(write_fields({"200 OK", good}, HopByHop::refuse, out, written).empty());
  ResponseContext context;
  context.known_length = 4;
  CHECK_FALSE(finish_head(written, context, out).error.empty());
  CHECK(out == "before");
}

TEST_CASE("a head longer than what was reserved for it stays whole", "[response]") {
  const std::string server(2000, 's');
  const auto got =
      answer({.fields = {{"X-A", "1"}}, .known_length = 1, .server = server});
  CHECK(got.has("Server: " + server));
  CHECK(got.text.ends_with("\r\n\r\n"));
}

TEST_CASE("lengths that contradict each other are refused", "[response]") {
  CHECK_FALSE(answer({.fields = {{"Content-Length", "5"}, {"content-length", "5"}}})
                  .error.empty());
  CHECK_FALSE(
      answer({.fields = {{"Content-Length", "5"}}, .known_length = 4}).error.empty());
  CHECK_FALSE(
      answer({.fields = {{"Content-Length", "5"}}, .known_length = 6}).error.empty());
}

TEST_CASE("values may hold tabs and bytes outside ASCII", "[response]") {
  const auto got = answer({.fields = {{"X", "a\tb \xc3\xa9"}}});
  CHECK(got.has("X: a\tb \xc3\xa9"));
}

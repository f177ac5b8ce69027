// SPDX-License-Identifier: Apache-2.0
#include "worker/http/forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace monodon;
using namespace monodon::http;

namespace {

worker::Settings usual() {
  worker::Settings settings;
  settings.forwarded_allow_ips = {"127.0.0.1", "::1", "10.0.0.0/8"};
  settings.secure_scheme_headers = {"X-FORWARDED-PROTOCOL=ssl",
                                    "X-FORWARDED-PROTO=https", "X-FORWARDED-SSL=on"};
  settings.forwarder_headers = {"SCRIPT_NAME", "PATH_INFO", "REMOTE_USER"};
  return settings;
}

const Peer kProxy{"", 0, true};
const Peer kStranger{"203.0.113.9", 999, false};

// One request through parser and rules, as a worker does it.
struct Exchange {
  Forwarding rules;
  std::string bytes;
  RequestHead head;
  Origin origin;
  const ParseError* error = nullptr;

  Exchange(const Peer& peer, std::string_view fields,
           const worker::Settings& settings = usual(), const std::string& target = "/",
           std::string script_name = {})
      : rules{Forwarding::compile(settings, std::move(script_name)).value()},
        bytes{(target == "*" ? "OPTIONS " : "GET ") + target +
              " HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n"} {
    HeadLimits limits;
    limits.underscores = rules.underscores();
    limits.forwarder_names = rules.forwarder_names();
    std::size_t scanned = 0;
    const auto parsed = parse_head(bytes, limits, scanned, head);
    INFO(bytes);
    REQUIRE(parsed.state == Parse::complete);
    error = rules.resolve(peer, head, origin);
  }
};

}  // namespace

TEST_CASE("a Unix peer is trusted, others by their address", "[forwarded]") {
  const auto rules = Forwarding::compile(usual()).value();
  sockaddr_storage peer{};
  peer.ss_family = AF_UNIX;
  CHECK(rules.identify(peer).trusted);
  CHECK(rules.identify(peer).address.empty());
  peer.ss_family = AF_UNSPEC;
  CHECK_FALSE(rules.identify(peer).trusted);
  const auto tcp = [&](const char* address) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, address, &v4.sin_addr) == 1);
    std::memcpy(&peer, &v4, sizeof v4);
    return rules.identify(peer);
  };
  CHECK(tcp("127.0.0.1").trusted);
  CHECK(tcp("10.9.8.7").trusted);
  CHECK_FALSE(tcp("127.0.0.2").trusted);
  CHECK(tcp("127.0.0.2").address == "127.0.0.2");
}

TEST_CASE("the client is the right-most address that is no proxy", "[forwarded]") {
  struct Row {
    const char* fields;
    const char* address;
    unsigned port;
  };
  const Row row = GENERATE(
      Row{"", "", 0}, Row{"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1", 0},
      Row{"X-Forwarded-For: 192.0.2.1:55\r\n", "192.0.2.1", 55},
      Row{"X-Forwarded-For: [2001:db8::1]:55\r\n", "2001:db8::1", 55},
      Row{"x-forwarded-for: 6.6.6.6,192.0.2.1\r\n", "192.0.2.1", 0},
      Row{"X-Forwarded-For: 6.6.6.6, 192.0.2.1 , 10.0.0.2,127.0.0.1\r\n", "192.0.2.1",
          0},
      Row{"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1", 0},
      Row{"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.2\r\n", "192.0.2.1",
          0},
      Row{"X-Forwarded-For: 10.0.0.7, 127.0.0.1\r\n", "10.0.0.7", 0},
      Row{"X-Forwarded-For: evil\r\n", "", 0}, Row{"X-Forwarded-For:\r\n", "", 0},
      Row{"X-Forwarded-For: 6.6.6.6, unknown\r\n", "", 0},
      Row{"X-Forwarded-For: 6.6.6.6, unknown, 10.0.0.2\r\n", "10.0.0.2", 0},
      Row{"X-Forwarded-For: 6.6.6.6,,\r\n", "", 0},
      Row{"X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n", "", 0});
  const Exchange got{kProxy, row.fields};
  INFO(row.fields);
  CHECK(got.error == nullptr);
  CHECK(got.origin.remote_addr == row.address);
  CHECK(got.origin.remote_port == row.port);
}

TEST_CASE("where everybody is trusted, the client is what the proxy saw",
          "[forwarded]") {
  auto settings = usual();
  settings.forwarded_allow_ips = {"*"};
  const Exchange got{kProxy, "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", settings};
  CHECK(got.origin.remote_addr == "192.0.2.1");
}

TEST_CASE("the client stays the peer where the settings say so", "[forwarded]") {
  auto settings = usual();
  settings.remote_addr_from_forwarded = false;
  const Exchange got{kProxy, "X-Forwarded-For: 192.0.2.1\r\n", settings};
  CHECK(got.origin.remote_addr.empty());
}

TEST_CASE("the scheme is what the proxy says", "[forwarded]") {
  struct Row {
    const char* fields;
    const char* scheme;
  };
  const Row row = GENERATE(
      Row{"", "http"}, Row{"X-Forwarded-Proto: https\r\n", "https"},
      Row{"x-forwarded-proto: HTTPS\r\n", "https"},
      Row{"X-Forwarded-Proto: http\r\n", "http"},
      Row{"X-Forwarded-Proto: https, http\r\n", "http"},
      Row{"X-Forwarded-Ssl: on\r\n", "https"},
      Row{"X-Forwarded-Protocol: ssl\r\nX-Forwarded-Ssl: on\r\n", "https"},
      Row{"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", "https"});
  const Exchange got{kProxy, row.fields};
  INFO(row.fields);
  CHECK(got.error == nullptr);
  CHECK(got.origin.scheme == row.scheme);
}

TEST_CASE("fields that contradict each other about the scheme are refused",
          "[forwarded]") {
  const auto* fields =
      GENERATE("X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n",
               "X-Forwarded-Proto: http\r\nX-Forwarded-Ssl: on\r\n",
               "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n");
  const Exchange got{kProxy, fields};
  REQUIRE(got.error != nullptr);
  CHECK(got.error->status == 400);
  CHECK(Exchange{kStranger, fields}.error == nullptr);
}

TEST_CASE("a proxy that is told to may set SCRIPT_NAME, and nothing sets the path",
          "[forwarded]") {
  constexpr auto* kFields =
      "Script_Name: /app\r\nPATH_INFO: /admin\r\nREMOTE_USER: me\r\n";
  const Exchange got{kProxy, kFields, usual(), "/app/x"};
  CHECK(got.error == nullptr);
  CHECK(got.origin.script_name == "/app");
  CHECK(got.origin.path_info == "/x");
  CHECK(got.head.find("PATH_INFO") == "/admin");
  CHECK(got.head.find("REMOTE_USER") == "me");
  CHECK(got.head.find("SCRIPT_NAME").data() == nullptr);
  CHECK(got.head.forwarder_fields.empty());
  auto settings = usual();
  settings.forwarder_headers = {};
  const Exchange untold{kProxy, kFields, settings, "/app/x"};
  CHECK(untold.origin.script_name.empty());
  CHECK(untold.origin.path_info == "/app/x");
  CHECK(untold.head.dropped_fields == 3);
}

TEST_CASE("the field of a proxy goes before SCRIPT_NAME of the environment",
          "[forwarded]") {
  const Exchange own{kProxy, "SCRIPT_NAME: /a/b\r\n", usual(), "/a/b/c", "/a"};
  CHECK(own.origin.script_name == "/a/b");
  CHECK(own.origin.path_info == "/c");
  const Exchange empty{kProxy, "SCRIPT_NAME: /\r\n", usual(), "/a/b/c", "/a"};
  CHECK(empty.origin.script_name == "/a");
  CHECK(empty.origin.path_info == "/b/c");
}

TEST_CASE("a path that is not below SCRIPT_NAME is refused", "[forwarded]") {
  const auto* target = GENERATE("/apple", "/", "/ap", "*", "/b/app");
  const Exchange field{kProxy, "SCRIPT_NAME: /app\r\n", usual(), target};
  REQUIRE(field.error != nullptr);
  CHECK(field.error->status == 400);
  const Exchange setting{kStranger, "", usual(), target, "/app"};
  REQUIRE(setting.error != nullptr);
  CHECK(setting.error->status == 404);
}

TEST_CASE("SCRIPT_NAME that is twice there or no path is refused", "[forwarded]") {
  const auto* fields = GENERATE("SCRIPT_NAME: /a\r\nSCRIPT_NAME: /a\r\n",
                                "SCRIPT_NAME:\r\nSCRIPT_NAME: /a\r\n",
                                "SCRIPT_NAME: a\r\n", "SCRIPT_NAME: http://x/\r\n");
  const Exchange got{kProxy, fields, usual(), "/a"};
  REQUIRE(got.error != nullptr);
  CHECK(got.error->status == 400);
}

TEST_CASE("a stranger vouches for nothing", "[forwarded]") {
  const Exchange got{kStranger,
                     "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
                     "X-Request-ID: abc\r\nSCRIPT_NAME: /app\r\nPATH_INFO: /x\r\n"
                     "X-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n"
                     "X-Real-IP: 6.6.6.6\r\nX-Client-IP: 6.6.6.6\r\nAccept: */*\r\n"};
  CHECK(got.error == nullptr);
  CHECK(got.origin.remote_addr == "203.0.113.9");
  CHECK(got.origin.remote_port == 999);
  CHECK(got.origin.scheme == "http");
  CHECK(got.origin.script_name.empty());
  CHECK(got.origin.path_info == "/");
  CHECK(got.origin.request_id.empty());
  REQUIRE(got.head.fields.size() == 3);
  CHECK(got.head.fields[0].name == "Host");
  CHECK(got.head.fields[1].name == "X-Request-ID");
  CHECK(got.head.fields[2].name == "Accept");
  CHECK(got.head.dropped_fields == 8);
  CHECK(got.head.forwarder_fields.empty());
}

TEST_CASE("a stranger's fields stay where the settings say so", "[forwarded]") {
  auto settings = usual();
  settings.strip_untrusted_forwarded = false;
  const Exchange got{kStranger, "X-Forwarded-Proto: https\r\n", settings};
  CHECK(got.head.find("X-Forwarded-Proto") == "https");
  CHECK(got.origin.scheme == "http");
}

TEST_CASE("the fields of a trusted proxy stay for the application", "[forwarded]") {
  const Exchange got{kProxy,
                     "X-Forwarded-Proto: https\r\nX-Forwarded-For: 1.2.3.4\r\n"};
  CHECK(got.head.fields.size() == 3);
}

TEST_CASE("a stranger's SCRIPT_NAME is a name with an underscore", "[forwarded]") {
  auto settings = usual();
  settings.header_map = "refuse";
  REQUIRE(Exchange(kStranger, "SCRIPT_NAME: /a\r\n", settings).error != nullptr);
  CHECK(Exchange(kProxy, "SCRIPT_NAME: /a\r\n", settings, "/a").error == nullptr);
  settings.header_map = "dangerous";
  const Exchange kept{kStranger, "SCRIPT_NAME: /a\r\nX_FORWARDED_PROTO: https\r\n",
                      settings};
  CHECK(kept.head.find("SCRIPT_NAME") == "/a");
  CHECK(kept.head.find("X_FORWARDED_PROTO").data() == nullptr);
  CHECK(kept.origin.script_name.empty());
}

TEST_CASE("a request id is taken only if a log can hold it", "[forwarded]") {
  const auto id = [](const std::string& value) {
    return std::string{
        Exchange{kProxy, "x-request-id: " + value + "\r\n"}.origin.request_id};
  };
  CHECK(id("0af7-6519.b7ad/6b7:169") == "0af7-6519.b7ad/6b7:169");
  CHECK(id(std::string(128, 'x')) == std::string(128, 'x'));
  CHECK(id(std::string(129, 'x')).empty());
  CHECK(id("").empty());
  CHECK(id("a b").empty());
  CHECK(id("a\"b").empty());
  CHECK(id("a'b").empty());
  CHECK(id("a\\b").empty());
  CHECK(id("\xc3\xa9").empty());
  auto settings = usual();
  settings.request_id_header = "";
  CHECK(Exchange{kProxy, "X-Request-ID: a\r\n", settings}.origin.request_id.empty());
}

TEST_CASE("settings that are not understood are named", "[forwarded]") {
  const auto error = [](auto change) {
    auto settings = usual();
    change(settings);
    const auto rules = Forwarding::compile(settings);
    REQUIRE_FALSE(rules);
    return rules.error().message();
  };
  using S = worker::Settings;
  CHECK_THAT(error([](S& s) { s.forwarded_allow_ips = {"localhost"}; }),
             Catch::StartsWith("forwarded_allow_ips: \"localhost\""));
  CHECK_THAT(error([](S& s) { s.secure_scheme_headers = {"X-Proto"}; }),
             Catch::StartsWith("secure_scheme_headers: \"X-Proto\""));
  CHECK_THAT(error([](S& s) { s.header_map = "allow"; }),
             Catch::StartsWith("header_map: \"allow\""));
}

TEST_CASE("a trace id is the request id where there is no other", "[forwarded]") {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string parent = "00-" + trace + "-00f067aa0ba902b7-01";
  const auto origin = [](const std::string& fields) {
    const Exchange got{kProxy, fields};
    return std::pair{std::string{got.origin.request_id},
                     std::string{got.origin.trace_id}};
  };
  CHECK(origin("TraceParent: " + parent + "\r\n") == std::pair{trace, trace});
  CHECK(origin("X-Request-ID: a\r\ntraceparent: " + parent + "\r\n") ==
        std::pair{std::string{"a"}, trace});
  CHECK(origin("traceparent: 01" + parent.substr(2) + "-what-comes\r\n").second ==
        trace);
  for (const std::string& bad :
       {parent.substr(1), parent + "0", parent + "-0", "ff" + parent.substr(2),
        "00-" + std::string(32, '0') + parent.substr(35),
        "00-" + std::string(32, 'A') + parent.substr(35), std::string(55, '-'),
        std::string{}}) {
    INFO(bad);
    CHECK(origin("traceparent: " + bad + "\r\n").second.empty());
  }
  // Nobody vouches for what a stranger sends.
  const Exchange stranger{kStranger, "traceparent: " + parent + "\r\n"};
  CHECK(stranger.origin.trace_id.empty());
}

// SPDX-License-Identifier: Apache-2.0
#include "base/net/net_address.h"

#include <netinet/in.h>

#include <catch2/catch.hpp>

using namespace monodon;

TEST_CASE("a host and its port are told apart", "[net_address]") {
  struct Case {
    const char* text;
    const char* host;
    std::uint16_t port;
  };
  for (const Case& one :
       {Case{"a.example:8125", "a.example", 8125}, Case{"a.example", "a.example", 9},
        Case{"[::1]:80", "::1", 80}, Case{"[::1]", "::1", 9},
        Case{":80", "localhost", 80}, Case{"", "localhost", 9}, Case{"a:", "a", 9}}) {
    INFO(one.text);
    const auto where = parse_host_port(one.text, 9);
    REQUIRE(where);
    CHECK(where->host == one.host);
    CHECK(where->port == one.port);
  }
  for (const char* text : {"a:0", "a:65536", "a:b", "[::1", "[::1]80", "::1"})
    CHECK_FALSE(parse_host_port(text, 9));
}

TEST_CASE("an address is found for a number", "[net_address]") {
  const auto four = find_address({"127.0.0.1", 80}, SOCK_DGRAM);
  REQUIRE(four);
  CHECK(four.value().storage.ss_family == AF_INET);
  CHECK(four.value().size == sizeof(sockaddr_in));
  CHECK_FALSE(address_of_path(std::string(200, 'x')));
}

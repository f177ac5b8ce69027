// SPDX-License-Identifier: Apache-2.0
#include "worker/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace monodon::http;
using namespace std::string_literals;

namespace {

template <typename T>
sockaddr_storage stored(const T& address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  return storage;
}

}  // namespace

TEST_CASE("an address is read only in its plain forms", "[address]") {
  CHECK(parse_address("192.0.2.1"));
  CHECK(parse_address("2001:db8::1"));
  CHECK(parse_address("::ffff:192.0.2.1") == parse_address("192.0.2.1"));
  CHECK(parse_address("2001:DB8:0::1") == parse_address("2001:db8::1"));
  const auto bad = GENERATE(""s, "192.0.2"s, "192.0.2.256"s, "192.0.2.01"s, " 1.2.3.4"s,
                            "1.2.3.4 "s, "1.2.3.4\0"s, "[::1]"s, "fe80::1%eth0"s,
                            "localhost"s, "0x7f.1"s, ":::"s, std::string(60, '1'));
  INFO(bad);
  CHECK_FALSE(parse_address(bad));
}

TEST_CASE("an entry of X-Forwarded-For may have a port", "[address]") {
  struct Row {
    const char* text;
    const char* address;
    unsigned port;
  };
  const Row row =
      GENERATE(Row{"192.0.2.1", "192.0.2.1", 0}, Row{"192.0.2.1:443", "192.0.2.1", 443},
               Row{"[2001:db8::1]", "2001:db8::1", 0},
               Row{"[2001:db8::1]:65535", "2001:db8::1", 65535},
               Row{"2001:db8::1", "2001:db8::1", 0});
  const auto endpoint = parse_endpoint(row.text);
  REQUIRE(endpoint);
  CHECK(endpoint->text == row.address);
  CHECK(endpoint->port == row.port);
  CHECK(endpoint->address == parse_address(row.address));
}

TEST_CASE("an entry that is no address with a port is refused", "[address]") {
  const auto* bad = GENERATE("", "unknown", "_hidden", "192.0.2.1:", "192.0.2.1:x",
                             "192.0.2.1:65536", "[192.0.2.1]", "[::1", "[::1]x",
                             "[::1]:", "::1]", "\"192.0.2.1\"", "1.2.3.4,5.6.7.8");
  INFO(bad);
  CHECK_FALSE(parse_endpoint(bad));
}

TEST_CASE("a network contains what begins with its bits", "[address]") {
  struct Row {
    const char* network;
    const char* address;
    bool inside;
  };
  const Row row = GENERATE(
      Row{"10.0.0.0/8", "10.255.0.1", true}, Row{"10.0.0.0/8", "11.0.0.0", false},
      Row{"192.0.2.128/25", "192.0.2.128", true},
      Row{"192.0.2.128/25", "192.0.2.127", false}, Row{"192.0.2.7", "192.0.2.7", true},
      Row{"192.0.2.7", "192.0.2.6", false}, Row{"192.0.2.7/32", "192.0.2.7", true},
      Row{"0.0.0.0/0", "203.0.113.9", true}, Row{"0.0.0.0/0", "2001:db8::1", false},
      Row{"2001:db8::/33", "2001:db8:7fff::1", true},
      Row{"2001:db8::/33", "2001:db8:8000::1", false}, Row{"::/0", "10.0.0.1", true},
      Row{"::1", "::1", true}, Row{"::1", "::2", false},
      Row{"10.0.0.0/8", "::ffff:10.1.2.3", true});
  const auto network = Network::parse(row.network);
  const auto address = parse_address(row.address);
  REQUIRE(network);
  REQUIRE(address);
  INFO(row.network << " " << row.address);
  CHECK(network->contains(*address) == row.inside);
}

TEST_CASE("a network that is not one is refused", "[address]") {
  const auto* bad = GENERATE("", "*", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10/8",
                             "10.0.0.0/+8", "2001:db8::/129", "2001:db8::1/64", "/8");
  INFO(bad);
  CHECK_FALSE(Network::parse(bad));
}

TEST_CASE("a socket's peer is described for REMOTE_ADDR", "[address]") {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(4711);
  REQUIRE(::inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr) == 1);
  CHECK(describe_peer(stored(v4)).text == "192.0.2.1");
  CHECK(describe_peer(stored(v4)).port == 4711);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(1);
  REQUIRE(::inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr) == 1);
  CHECK(describe_peer(stored(v6)).text == "2001:db8::1");
  REQUIRE(::inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr) == 1);
  CHECK(describe_peer(stored(v6)).text == "192.0.2.1");
  CHECK(describe_peer(stored(v6)).address == parse_address("192.0.2.1"));
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  CHECK(describe_peer(stored(un)).unix_socket);
  CHECK(describe_peer(stored(un)).text.empty());
}

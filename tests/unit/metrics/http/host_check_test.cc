// SPDX-License-Identifier: Apache-2.0
#include "metrics/http/host_check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace monodon::metrics;

TEST_CASE("a server is asked for by address, or by a name that it has", "[host]") {
  const std::vector<std::string> names{"Web1.example.com", ""};
  for (const char* own : {"127.0.0.1", "127.0.0.1:9117", "[::1]", "[::1]:9117",
                          "10.1.2.3:80", "localhost", "LocalHost:9117", "a.localhost",
                          "web1.example.com", "web1.EXAMPLE.com.:9117"})
    CHECK(is_own_host(own, names));
  for (const char* other :
       {"", ":9117", "attacker.example", "web1", "xweb1.example.com",
        "127.0.0.1.nip.io", "notlocalhost", "localhost.attacker.example", "[::1",
        "[localhost]", "[::1]x", "127.0.0.1:x", "web1.example.com@attacker", "1.2.3"})
    CHECK_FALSE(is_own_host(other, names));
  CHECK(is_own_host("attacker.example:80", {"*"}));
}

namespace {

sockaddr_storage address_of(int family, const char* text) {
  sockaddr_storage all{};
  all.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET)
    REQUIRE(::inet_pton(family, text, &reinterpret_cast<sockaddr_in&>(all).sin_addr) ==
            1);
  if (family == AF_INET6)
    REQUIRE(::inet_pton(family, text,
                        &reinterpret_cast<sockaddr_in6&>(all).sin6_addr) == 1);
  return all;
}

}  // namespace

TEST_CASE("only a loopback address or a Unix socket is this machine's alone",
          "[host]") {
  CHECK(is_local_address(address_of(AF_UNIX, "")));
  for (const char* own : {"127.0.0.1", "127.255.0.9"})
    CHECK(is_local_address(address_of(AF_INET, own)));
  for (const char* own : {"::1", "::ffff:127.0.0.1"})
    CHECK(is_local_address(address_of(AF_INET6, own)));
  for (const char* other : {"0.0.0.0", "10.0.0.1", "128.0.0.1"})
    CHECK_FALSE(is_local_address(address_of(AF_INET, other)));
  for (const char* other : {"::", "fe80::1", "::ffff:10.0.0.1"})
    CHECK_FALSE(is_local_address(address_of(AF_INET6, other)));
  CHECK_FALSE(is_local_address(sockaddr_storage{}));
}

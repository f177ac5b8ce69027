// SPDX-License-Identifier: Apache-2.0
#include "metrics/host_check.h"

#include <catch2/catch.hpp>

using namespace monodon::metrics;

TEST_CASE("a server is asked for by address, or by a name that it has", "[host]") {
  const std::vector<std::string> names{"Web1.example.com", ""};
  for (const char* own :
       {"127.0.0.1", "127.0.0.1:9117", "[::1]", "[::1]:9117", "10.1.2.3:80", "localhost",
        "LocalHost:9117", "a.localhost", "web1.example.com", "web1.EXAMPLE.com.:9117"})
    CHECK(is_own_host(own, names));
  for (const char* other :
       {"", ":9117", "attacker.example", "web1", "xweb1.example.com", "127.0.0.1.nip.io",
        "notlocalhost", "localhost.attacker.example", "[::1", "[localhost]", "[::1]x",
        "127.0.0.1:x", "web1.example.com@attacker", "1.2.3"})
    CHECK_FALSE(is_own_host(other, names));
  CHECK(is_own_host("attacker.example:80", {"*"}));
}

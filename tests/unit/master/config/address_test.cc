// SPDX-License-Identifier: Apache-2.0
#include "master/config/address.h"

#include <catch2/catch.hpp>

using namespace monodon::master;

TEST_CASE("addresses are brought into one form", "[check]") {
  const auto canonical = [](std::string_view text) {
    auto result = canonical_address(text, "/srv");
    return result ? result.value() : "?" + result.error().what;
  };
  CHECK(canonical("unix:/run/a.sock") == "unix:/run/a.sock");
  CHECK(canonical("unix:///run/a.sock") == "unix:/run/a.sock");
  CHECK(canonical("unix:a.sock") == "unix:/srv/a.sock");
  CHECK(canonical("unix:@name") == "unix:@name");
  CHECK(canonical("127.0.0.1:8000") == "127.0.0.1:8000");
  CHECK(canonical(":8000") == "0.0.0.0:8000");
  CHECK(canonical("localhost") == "localhost:8000");
  CHECK(canonical("[::1]:80") == "[::1]:80");
  CHECK(canonical("tcp://10.0.0.1:080") == "10.0.0.1:80");
  CHECK(canonical("fd://07") == "fd://7");

  CHECK(canonical("8000") == "?\"8000\" is not an address; did you mean :8000?");
  CHECK(canonical("/run/a") ==
        "?\"/run/a\" is not an address; did you mean unix:/run/a?");
  for (const char* bad : {"", "unix:", "unix:@", "a:b", "a:65536", "a:", "::1:80",
                          "[::1", "[::1]80", "[x]:80", "a b:80", "fd:3", "fd://",
                          "fd://2", "fd://x", "fd://2147483648", "a:80:90"}) {
    INFO(bad);
    CHECK(canonical(bad).front() == '?');
  }
  // 108 bytes with the final NUL (unix(7)).
  CHECK(canonical("unix:/" + std::string(106, 'a')).front() == 'u');
  CHECK(canonical("unix:/" + std::string(107, 'a')).front() == '?');
}

TEST_CASE("networks are addresses with or without a length", "[check]") {
  for (const char* good : {"10.0.0.1", "10.0.0.0/8", "::1", "fe80::/10", "0.0.0.0/0"}) {
    INFO(good);
    CHECK(is_network(good));
  }
  for (const char* bad :
       {"", "*", "10.0.0", "10.0.0.0/33", "::1/129", "10.0.0.0/", "a"}) {
    INFO(bad);
    CHECK_FALSE(is_network(bad));
  }
}

TEST_CASE("an address is local when no other machine can reach it", "[check]") {
  for (const char* local : {"unix:/a", "127.0.0.1:80", "localhost:80", "[::1]:80"}) {
    CHECK(is_local_address(local));
  }
  for (const char* open : {"0.0.0.0:80", "[::]:80", "10.0.0.1:80", "example.org:80"}) {
    CHECK_FALSE(is_local_address(open));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "worker/http/local_target.h"

#include <catch2/catch.hpp>

namespace monodon::http {
namespace {

TEST_CASE("a path alone is asked of localhost", "[local-target]") {
  const LocalTarget target = parse_local_target("/health/?full=1");
  CHECK(target.host == "localhost");
  CHECK(target.path == "/health/?full=1");
  CHECK_FALSE(target.secure);
}

TEST_CASE("an address names the host, the path and whether it came over TLS",
          "[local-target]") {
  const LocalTarget plain = parse_local_target("http://site.test:8000/a/b");
  CHECK(plain.host == "site.test:8000");
  CHECK(plain.path == "/a/b");
  CHECK_FALSE(plain.secure);
  const LocalTarget secure = parse_local_target("https://site.test/a");
  CHECK(secure.host == "site.test");
  CHECK(secure.secure);
}

TEST_CASE("an address without a path asks for the first page", "[local-target]") {
  CHECK(parse_local_target("http://site.test").path == "/");
  CHECK(parse_local_target("https://site.test").host == "site.test");
}

}  // namespace
}  // namespace monodon::http

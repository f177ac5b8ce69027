// SPDX-License-Identifier: Apache-2.0
// What is said of the applications that were found; tests/site has directories.
#include "cli/dev/found_applications.h"

#include <catch2/catch.hpp>

using namespace monodon::cli;

TEST_CASE("the first is meant, and the others are told with the way to choose",
          "[dev]") {
  const auto found = parse_found(
      R"([{"application": "shop.wsgi:application", "file": "shop/wsgi.py", "asgi": false},
          {"application": "app:app", "file": "app.py", "asgi": false},
          {"application": "shop.asgi:application", "file": "shop/asgi.py", "asgi": true}])");
  REQUIRE(found.size() == 3);
  CHECK(found[0].application == "shop.wsgi:application");
  CHECK(others_beside(found) == "there is also app:app; choose with monodon dev NAME");
  CHECK(others_beside({found[0]}).empty());
}

TEST_CASE("where there is none, what to do is told", "[dev]") {
  CHECK(nothing_found({}, "/srv/x").find("no application in /srv/x") == 0);
  const std::vector<FoundApplication> only{{"main:app", "main.py", true}};
  CHECK(
      nothing_found(only, "/srv/x").find("main.py is an ASGI application (main:app)") ==
      0);
  CHECK(parse_found("no json").empty());
  CHECK(parse_found("[1, {}]").size() == 1);
}

// SPDX-License-Identifier: Apache-2.0
// What is said of the applications that were found; tests/site has directories.
#include "cli/dev/found_applications.h"

#include <catch2/catch.hpp>

using namespace monodon::cli;

TEST_CASE("the first is meant, and the others are told with the way to choose",
          "[dev]") {
  const auto site = parse_found(
      R"({"settings": "shop.settings", "applications": [
          {"application": "shop.wsgi:application", "file": "shop/wsgi.py", "asgi": false},
          {"application": "app:app", "file": "app.py", "asgi": false},
          {"application": "shop.asgi:application", "file": "shop/asgi.py", "asgi": true}]})");
  const auto& found = site.applications;
  REQUIRE(found.size() == 3);
  CHECK(site.settings == "shop.settings");
  CHECK(found[0].application == "shop.wsgi:application");
  CHECK(others_beside(found) == "there is also app:app; choose with monodon dev NAME");
  CHECK(others_beside({found[0]}).empty());
}

TEST_CASE("where there is none, what to do is told", "[dev]") {
  CHECK(nothing_found({}, "/srv/x", "auto").find("no application in /srv/x: none") == 0);
  FoundSite half_written;
  half_written.broken = {"app.py, line 1: invalid syntax"};
  CHECK(nothing_found(half_written, "/srv/x", "auto") ==
        "no application in /srv/x, and there is no Python in app.py, line 1: invalid "
        "syntax");
  CHECK(nothing_found({}, "/srv/x", "asgi").find("no ASGI application in /srv/x") == 0);
  FoundSite only;
  only.applications = {{.application = "main:app", .file = "main.py", .asgi = true}};
  CHECK(nothing_found(only, "/srv/x", "auto") ==
        "main.py is an ASGI application (main:app); `monodon dev --interface asgi` "
        "serves it");
  CHECK(parse_found("no json").applications.empty());
  CHECK(parse_found(R"({"applications": [1, {}]})").applications.size() == 1);
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/site/site_facts.h"

#include <catch2/catch.hpp>

using namespace monodon::cli;
using Texts = std::vector<std::string>;

TEST_CASE("the facts of a site are read from what the script prints", "[site_facts]") {
  const auto facts = parse_site_facts(
      R"({"application": "a.wsgi:application", "settings_module": "a.settings",
          "static_url": "static/", "static_root": "/srv/a/static/", "media_root": "",
          "media_url": "https://cdn.org/m/", "allowed_hosts": ["a.org"], "debug": true,
          "secure_proxy_ssl_header": ["HTTP_X_FORWARDED_PROTO", "https"],
          "sqlite": ["/srv/a/db.sqlite3"]})");
  REQUIRE(facts);
  const SiteFacts& f = facts.value();
  CHECK(f.django);
  CHECK(f.static_url == "/static/");
  CHECK(f.static_root == "/srv/a/static");
  CHECK(f.media_url.empty());
  CHECK(f.allowed_hosts == Texts{"a.org"});
  CHECK(f.secure_proxy_ssl_header.size() == 2);
  CHECK(f.debug);
  CHECK_FALSE(parse_site_facts("no json"));
}

TEST_CASE("nginx's user is found among other words", "[site_facts]") {
  CHECK(nginx_user_of("# user x;\n  user   www-data;\n") == "www-data");
  CHECK(nginx_user_of("user nginx nginx;") == "nginx");
  CHECK(nginx_user_of("worker_processes 1;\nuser") == "");
}

TEST_CASE("whether nginx has http2 on is told by its version", "[site_facts]") {
  CHECK_FALSE(has_http2_directive("nginx version: nginx/1.22.1\n"));
  CHECK_FALSE(has_http2_directive("nginx version: nginx/1.25.0\n"));
  CHECK(has_http2_directive("nginx version: nginx/1.25.1\n"));
  CHECK(has_http2_directive("nginx version: nginx/1.26.3 (Ubuntu)\n"));
  CHECK(has_http2_directive("nginx version: nginx/2.0.0"));
  CHECK_FALSE(has_http2_directive("nginx version: nginx/1.2"));
  CHECK_FALSE(has_http2_directive("sh: nginx: not found"));
}

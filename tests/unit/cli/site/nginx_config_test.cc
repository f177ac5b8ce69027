// SPDX-License-Identifier: Apache-2.0
#include "cli/site/nginx_config.h"

#include <catch2/catch.hpp>

using namespace monodon::cli;
using Texts = std::vector<std::string>;

namespace {

constexpr const char* kText = R"(
# configuration file /etc/nginx/nginx.conf:
user www-data;
http {
    log_format main '$remote_addr; "$request" {x}';
    proxy_set_header Host $host;
    upstream shop { server unix:/run/shop.sock fail_timeout=0; keepalive 8; }
    server {
        listen 443 ssl;
        server_name shop.org www.shop.org;
        client_max_body_size 8m;
        location /static/ { alias /srv/shop/static/; }
        location ~ ^/api/${version}/ { proxy_pass http://unix:/run/api.sock:/; }
        location / {
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_http_version 1.1;
            proxy_read_timeout 90s;
            proxy_pass http://shop;
        }
    }
}
)";

}  // namespace

TEST_CASE("what holds at a location is its own and what it inherits",
          "[nginx_config]") {
  const auto routes = nginx_routes(parse_nginx(kText));
  REQUIRE(routes.size() == 2);
  const NginxRoute& api = routes[0];
  CHECK(api.socket == "/run/api.sock");
  CHECK(api.location == "^/api/${version}/");
  CHECK(api.fields.at("host") == "$host");
  const NginxRoute& shop = routes[1];
  CHECK(shop.socket == "/run/shop.sock");
  CHECK(shop.tls);
  CHECK(shop.server_names == Texts{"shop.org", "www.shop.org"});
  CHECK(shop.keepalive);
  CHECK(shop.http_version == "1.1");
  CHECK(shop.read_timeout == "90s");
  CHECK(shop.body_size == "8m");
  // nginx takes the fields of the level above only where there are none of its own.
  CHECK(shop.fields.count("host") == 0);
  CHECK(shop.fields.at("x-forwarded-proto") == "$scheme");
}

TEST_CASE("text that is no configuration gives no routes and no crash",
          "[nginx_config]") {
  const std::string text{kText};
  for (std::size_t size = 0; size < text.size(); ++size) {
    (void)nginx_routes(parse_nginx(text.substr(0, size)));
    (void)nginx_routes(parse_nginx(text.substr(size)));
  }
  CHECK(parse_nginx(std::string(100'000, '{')).empty());
  CHECK(parse_nginx("a 'b").empty());
}

TEST_CASE("times and sizes are nginx's", "[nginx_config]") {
  CHECK(nginx_time("75s", 0) == 75'000);
  CHECK(nginx_time("60", 0) == 60'000);
  CHECK(nginx_time("", 7) == 7);
  CHECK(nginx_size("64m", 0) == 64U << 20);
  CHECK(nginx_size("0", 5) == 0);
}

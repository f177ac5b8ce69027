// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace monodon::cli {

// nginx's configuration as a tree, from the text of `nginx -T` or of its files.
struct NginxDirective {
  std::string name;
  std::vector<std::string> arguments;
  std::vector<NginxDirective> block;
};

// What is no configuration (an open brace, a quote) is left out. Pure.
[[nodiscard]] std::vector<NginxDirective> parse_nginx(std::string_view text);

// One location that passes requests to a Unix socket, with what holds there: its own
// directives and those it inherits.
struct NginxRoute {
  std::string socket;      // path
  std::string location;    // "/"
  std::string proxy_host;  // $proxy_host: the upstream's name
  std::vector<std::string> server_names;
  bool tls = false;
  std::map<std::string, std::string>
      fields;                     // proxy_set_header: lower-case name -> value
  std::string http_version;       // proxy_http_version, "" = 1.0
  std::string read_timeout;       // proxy_read_timeout, "" = 60s
  std::string body_size;          // client_max_body_size, "" = 1m
  bool keepalive = false;         // its upstream keeps connections
  std::string keepalive_timeout;  // of that, "" = 60s
};

[[nodiscard]] std::vector<NginxRoute> nginx_routes(
    const std::vector<NginxDirective>& configuration);

// Milliseconds of nginx's times ("75s", "1m 30s", "500ms", a number of seconds), and
// bytes of its sizes ("64m"); `otherwise` for "" and for what is neither.
[[nodiscard]] std::uint64_t nginx_time(std::string_view text, std::uint64_t otherwise);
[[nodiscard]] std::uint64_t nginx_size(std::string_view text, std::uint64_t otherwise);

}  // namespace monodon::cli

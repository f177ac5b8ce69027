// SPDX-License-Identifier: Apache-2.0
// What doctor finds about nginx's configuration and its access to the socket.
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "base/text/number.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

constexpr std::uint64_t kMinute = 60'000;

// The first route to this site that `wrong` is true of, for the message.
template <typename Wrong>
const NginxRoute* route_with(const Evidence& e, Wrong&& wrong) {
  for (const NginxRoute& route : e.routes) {
    if (route.socket == e.listen && wrong(route)) return &route;
  }
  return nullptr;
}

std::string place(const NginxRoute& route) {
  return fmt::format(
      "location {} of {}", route.location,
      route.server_names.empty() ? "a server without a name" : route.server_names[0]);
}

bool sends(const NginxRoute& route, const char* field) {
  return route.fields.count(field) != 0;
}

Found nginx_broken(const Evidence& e) {
  if (e.nginx_error.empty()) return {};
  return Finding{fmt::format("nginx -T: {}", e.nginx_error),
                 "correct that; until then nginx keeps what it had, and will not start "
                 "again"};
}

Found nginx_not_running(const Evidence& e) {
  if (!e.has_nginx || e.nginx_runs) return {};
  // Where the site may not be meant for it.
  if (e.run_by != RunBy::system &&
      route_with(e, [](const NginxRoute&) { return true; }) == nullptr)
    return {};
  return Finding{"nginx does not run", "systemctl start nginx; journalctl -u nginx"};
}

// A site without a unit is known by its application or its socket, which is no name of
// an upstream.
std::string upstream_of(const std::string& site) {
  return site.find_first_of(":/") == std::string::npos ? site : "site";
}

Found no_route(const Evidence& e) {
  if (!e.has_nginx || !e.nginx_error.empty() || e.listen.empty()) return {};
  if (route_with(e, [](const NginxRoute&) { return true; }) != nullptr) return {};
  // A user's own site need not be behind the machine's nginx.
  if (e.run_by == RunBy::user) return {};
  std::string others;
  for (const NginxRoute& route : e.routes) others += " unix:" + route.socket;
  return Finding{
      fmt::format("nginx passes nothing to {}; {}", e.listen,
                  others.empty() ? "it knows no Unix socket" : "it passes to" + others),
      fmt::format("upstream {} {{ server unix:{} fail_timeout=0; }}, and proxy_pass "
                  "http://{}; `monodon init` writes a complete file",
                  upstream_of(e.site), e.listen, upstream_of(e.site))};
}

Found keepalive_without_http11(const Evidence& e) {
  const NginxRoute* const route = route_with(e, [](const NginxRoute& r) {
    const auto connection = r.fields.find("connection");
    return r.keepalive && (r.http_version != "1.1" || connection == r.fields.end() ||
                           connection->second == "close");
  });
  if (route == nullptr) return {};
  return Finding{
      fmt::format(
          "the upstream has keepalive, and {} does not use it: each request makes "
          "a new connection",
          place(*route)),
      "proxy_http_version 1.1; proxy_set_header Connection \"\";"};
}

Found keepalive_too_long(const Evidence& e) {
  if (!e.settings) return {};
  const std::uint64_t ours = e.settings->worker.keepalive;
  const NginxRoute* const route = route_with(e, [&](const NginxRoute& r) {
    return r.keepalive && ours != 0 && nginx_time(r.keepalive_timeout, kMinute) >= ours;
  });
  if (route == nullptr) return {};
  return Finding{
      fmt::format(
          "nginx keeps an idle connection for {}, the server for {}: now and then "
          "a request meets one that is being closed, and is a 502",
          format_duration_ms(nginx_time(route->keepalive_timeout, kMinute)),
          format_duration_ms(ours)),
      "the setting keepalive must be the longer one"};
}

Found no_host(const Evidence& e) {
  const NginxRoute* const route = route_with(e, [](const NginxRoute& r) {
    const auto host = r.fields.find("host");
    return host == r.fields.end() || host->second == "$proxy_host";
  });
  if (route == nullptr) return {};
  // It does so to every request where ALLOWED_HOSTS has not the name of the upstream.
  const bool refused =
      e.facts && e.facts->django && !allows_host(*e.facts, route->proxy_host);
  return Finding{fmt::format("{} does not pass the Host of the client on: links and "
                             "redirects name the upstream ({}), {}",
                             place(*route), route->proxy_host,
                             refused ? "and Django answers 400 to everybody"
                                     : "Django answers 400 unless it allows that"),
                 "proxy_set_header Host $host;",
                 refused ? std::optional{Weight::error} : std::nullopt};
}

Found host_as_sent(const Evidence& e) {
  const NginxRoute* const route = route_with(e, [](const NginxRoute& r) {
    const auto host = r.fields.find("host");
    return host != r.fields.end() && host->second == "$http_host";
  });
  if (route == nullptr) return {};
  return Finding{
      fmt::format("{} passes Host on as it came: requests without one, as "
                  "HTTP/1.0 and many probes send them, are answered with 400",
                  place(*route)),
      "proxy_set_header Host $host; with another port than 80 or 443: "
      "$host:$server_port"};
}

bool believes_script_name(const Evidence& e) {
  if (!e.settings) return false;
  const auto& names = e.settings->worker.forwarder_headers;
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return ::strcasecmp(name.c_str(), "SCRIPT_NAME") == 0;
  });
}

Found script_name_not_set(const Evidence& e) {
  if (!believes_script_name(e)) return {};
  const NginxRoute* const route =
      route_with(e, [](const NginxRoute& r) { return !sends(r, "script_name"); });
  if (route == nullptr) return {};
  return Finding{
      fmt::format("{} does not set SCRIPT_NAME, and the site believes it "
                  "(forwarder_headers): a client whose field gets through chooses "
                  "which part of the path the application sees",
                  place(*route)),
      "proxy_set_header SCRIPT_NAME \"\"; there, or the prefix of that location"};
}

Found script_name_dropped(const Evidence& e) {
  if (!e.settings || believes_script_name(e)) return {};
  const NginxRoute* const route = route_with(e, [](const NginxRoute& r) {
    return sends(r, "script_name") && !r.fields.at("script_name").empty();
  });
  if (route == nullptr) return {};
  return Finding{
      fmt::format("{} sets SCRIPT_NAME, and the site drops it: the application sees "
                  "the prefix as a part of its own path",
                  place(*route)),
      "forwarder_headers: [SCRIPT_NAME]"};
}

Found no_forwarded_for(const Evidence& e) {
  const NginxRoute* const route =
      route_with(e, [](const NginxRoute& r) { return !sends(r, "x-forwarded-for"); });
  if (route == nullptr) return {};
  return Finding{fmt::format("{} does not say who the client is: REMOTE_ADDR and the "
                             "access log have no address",
                             place(*route)),
                 "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"};
}

Found no_forwarded_proto(const Evidence& e) {
  const NginxRoute* const route =
      route_with(e, [](const NginxRoute& r) { return !sends(r, "x-forwarded-proto"); });
  if (route == nullptr) return {};
  return Finding{fmt::format("{} does not say whether the client used https: the "
                             "application believes in http; redirects loop, CSRF fails",
                             place(*route)),
                 "proxy_set_header X-Forwarded-Proto $scheme;"};
}

Found read_timeout_short(const Evidence& e) {
  if (!e.settings) return {};
  const std::uint64_t ours = e.settings->worker.request_timeout;
  const NginxRoute* const route = route_with(e, [&](const NginxRoute& r) {
    return ours == 0 || nginx_time(r.read_timeout, kMinute) <= ours;
  });
  if (route == nullptr || ours == 0) return {};
  return Finding{
      fmt::format("{} waits {} for an answer, a request may take {} (request_timeout): "
                  "nginx gives up first, and the worker goes on for nobody",
                  place(*route),
                  format_duration_ms(nginx_time(route->read_timeout, kMinute)),
                  format_duration_ms(ours)),
      fmt::format("proxy_read_timeout {}s;", ours / 1000 + 15)};
}

Found body_size_above_ours(const Evidence& e) {
  if (!e.settings) return {};
  const std::uint64_t ours = e.settings->worker.limit_request_body;
  const NginxRoute* const route = route_with(e, [&](const NginxRoute& r) {
    const std::uint64_t theirs = nginx_size(r.body_size, 1 << 20);
    return ours != 0 && (theirs == 0 || theirs > ours);
  });
  if (route == nullptr) return {};
  return Finding{
      fmt::format("{} takes bodies of {} (0 is any size), the server refuses "
                  "more than {}",
                  place(*route), route->body_size, format_size(ours)),
      "client_max_body_size, or limit_request_body"};
}

Found body_size_unset(const Evidence& e) {
  const NginxRoute* const route =
      route_with(e, [](const NginxRoute& r) { return r.body_size.empty(); });
  if (route == nullptr) return {};
  return Finding{
      fmt::format("{} has no client_max_body_size: nginx answers 413 to an upload of "
                  "more than 1m, its default{}",
                  place(*route),
                  e.settings && e.settings->worker.limit_request_body != 0
                      ? fmt::format("; the server takes {}",
                                    format_size(e.settings->worker.limit_request_body))
                      : ""),
      "client_max_body_size 64m; in its server, or 1m to say that it is meant"};
}

constexpr Check kNginxChecks[] = {
    {"nginx-broken", Weight::error, "nginx's configuration", nginx_broken},
    {"nginx-not-running", Weight::error, "a running nginx", nginx_not_running},
    {"nginx-no-route", Weight::error, "a way from nginx to the site", no_route},
    {"nginx-keepalive-unused", Weight::warning, "upstream keepalive that is used",
     keepalive_without_http11},
    {"nginx-keepalive-too-long", Weight::warning, "who closes idle connections",
     keepalive_too_long},
    {"nginx-host", Weight::warning, "Host", no_host},
    {"nginx-http-host", Weight::warning, "requests without Host", host_as_sent},
    {"nginx-script-name", Weight::warning, "SCRIPT_NAME that is set everywhere",
     script_name_not_set},
    {"nginx-script-name-dropped", Weight::warning, "SCRIPT_NAME that is believed",
     script_name_dropped},
    {"nginx-forwarded-for", Weight::warning, "X-Forwarded-For", no_forwarded_for},
    {"nginx-forwarded-proto", Weight::warning, "X-Forwarded-Proto", no_forwarded_proto},
    {"nginx-read-timeout", Weight::warning, "proxy_read_timeout", read_timeout_short},
    {"nginx-body-size", Weight::warning, "client_max_body_size", body_size_above_ours},
    {"nginx-body-size-unset", Weight::note, "client_max_body_size that is chosen",
     body_size_unset},
};

}  // namespace

std::span<const Check> nginx_checks() {
  return kNginxChecks;
}

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the application: Django's settings, its interpreter.
#include <fmt/format.h>

#include <algorithm>

#include "base/text/text.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

// Django's settings, as far as they could be read.
const SiteFacts* django(const Evidence& e) {
  return e.facts && e.facts->django && e.facts->error.empty() ? &*e.facts : nullptr;
}

bool passes_here(const Evidence& e, const NginxRoute& route) {
  return route.socket == e.listen;
}

// "HTTP_X_FORWARDED_PROTO" is "x-forwarded-proto" to nginx.
std::string field_of(std::string name) {
  if (name.starts_with("HTTP_")) name.erase(0, 5);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    if (c == '_') return '-';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

Found unreadable(const Evidence& e) {
  std::string why = e.facts_error;
  if (why.empty() && e.facts) why = e.facts->error;
  if (without_final_newlines(why).empty()) return {};
  const std::string reason{last_line(why)};
  const bool more = without_final_newlines(why) != reason;
  return Finding{
      fmt::format("the settings of the application could not be read: {}{}", reason,
                  more ? "\n" + why : ""),
      "where they need variables of the environment, the service's "
      "EnvironmentFile= must hold them, and the service's user be able to read "
      "it for doctor"};
}

Found proxy_header(const Evidence& e) {
  const SiteFacts* const facts = django(e);
  if (facts == nullptr || facts->secure_proxy_ssl_header.empty()) return {};
  const std::string field = field_of(facts->secure_proxy_ssl_header[0]);
  for (const NginxRoute& route : e.routes) {
    if (!passes_here(e, route) || route.fields.count(field) != 0) continue;
    return Finding{
        fmt::format("SECURE_PROXY_SSL_HEADER is {}, and nginx does not set that field: "
                    "every request counts as http{}, and a client can set it itself",
                    facts->secure_proxy_ssl_header[0],
                    facts->secure_ssl_redirect ? ", redirects never end" : ""),
        "SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\") and "
        "proxy_set_header X-Forwarded-Proto $scheme;"};
  }
  return {};
}

Found no_allowed_hosts(const Evidence& e) {
  const SiteFacts* const facts = django(e);
  if (facts == nullptr || facts->debug || !facts->allowed_hosts.empty()) return {};
  return Finding{"ALLOWED_HOSTS is empty: Django answers every request with 400",
                 "list the names of the site in ALLOWED_HOSTS"};
}

Found host_not_allowed(const Evidence& e) {
  const SiteFacts* const facts = django(e);
  if (facts == nullptr || facts->allowed_hosts.empty()) return {};
  for (const NginxRoute& route : e.routes) {
    if (!passes_here(e, route)) continue;
    for (const std::string& name : route.server_names) {
      const bool pattern = name == "_" || name.empty() || name.front() == '~' ||
                           name.find('*') != std::string::npos;
      if (pattern || allows_host(*facts, name)) continue;
      return Finding{fmt::format("nginx serves {}, which ALLOWED_HOSTS does not have: "
                                 "Django answers 400 there",
                                 name),
                     fmt::format("add \"{}\" to ALLOWED_HOSTS", name)};
    }
  }
  return {};
}

Found errors_unseen(const Evidence& e) {
  const SiteFacts* const facts = django(e);
  if (facts == nullptr || facts->logs_errors ||
      (e.settings && e.settings->worker.log_exceptions))
    return {};
  return Finding{
      "LOGGING sends the errors of views nowhere while DEBUG is off: a 500 leaves no "
      "traceback, neither in the log nor on stderr",
      "in LOGGING: a logging.StreamHandler without require_debug_true for the root "
      "logger, and \"disable_existing_loggers\": False; or log_exceptions: true"};
}

Found debug(const Evidence& e) {
  const SiteFacts* const facts = django(e);
  if (facts == nullptr || !facts->debug) return {};
  return Finding{
      "DEBUG is on: an error shows the source and settings of the site to "
      "anybody, and each query stays in memory",
      "DEBUG = False for the settings that the service uses"};
}

constexpr Check kApplicationChecks[] = {
    {"django-unreadable", Weight::warning, "the application's settings", unreadable,
     Kind::effect},
    {"django-proxy-header", Weight::error, "SECURE_PROXY_SSL_HEADER", proxy_header},
    {"django-no-allowed-hosts", Weight::error, "ALLOWED_HOSTS", no_allowed_hosts},
    {"django-host-not-allowed", Weight::error, "ALLOWED_HOSTS for nginx's names",
     host_not_allowed},
    {"django-logging", Weight::warning, "tracebacks of views that fail", errors_unseen},
    {"django-debug", Weight::warning, "DEBUG", debug},
};

}  // namespace

bool allows_host(const SiteFacts& facts, const std::string& host) {
  return std::any_of(facts.allowed_hosts.begin(), facts.allowed_hosts.end(),
                     [&](const std::string& pattern) {
                       if (pattern == "*" || pattern == host) return true;
                       // ".x.org" is x.org and everything below it.
                       return pattern.starts_with('.') &&
                              (host.ends_with(pattern) || host == pattern.substr(1));
                     });
}

std::span<const Check> application_checks() {
  return kApplicationChecks;
}

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
// What is wrong or unwise about settings, alone or together.
#include "master/config/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/net/statsd.h"
#include "base/text/number.h"
#include "master/config/address.h"
#include "worker/access/access_log.h"
#include "worker/access/open_logs.h"
#include "worker/http/local_target.h"

namespace monodon::master {
namespace {

// nginx's default keepalive_timeout of an upstream.
constexpr std::uint64_t kProxyKeepsMs = 60'000;

using Findings = std::vector<Finding>;

bool is_name(std::string_view text) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
  });
}

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

bool is_module(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_name(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// What who named a file has meant, as far as a name says it: "app.py" is app:app.
std::string file_as_module(std::string_view app) {
  const std::size_t colon = app.find(':');
  std::string_view path = app.substr(0, colon);
  if (path.starts_with("./")) path.remove_prefix(2);
  if (path.ends_with(".py")) path.remove_suffix(3);
  std::string module{path};
  std::ranges::replace(module, '/', '.');
  if (!is_module(module))
    return "write the module, as for import: package.module:callable";
  const std::string_view usual = module.ends_with("wsgi") ? "application" : "app";
  return fmt::format("did you mean {}:{}?", module,
                     colon == std::string_view::npos ? usual : app.substr(colon + 1));
}

void check_application(const worker::Settings& s, Findings& found) {
  const std::string_view app = s.application;
  if (app.empty()) {
    found.push_back({kProblem, "application",
                     "is missing; give it as package.module:callable, for Django "
                     "mysite.wsgi:application"});
    return;
  }
  if (app.starts_with("native:")) {
    if (app.size() == 7) {
      found.push_back(
          {kProblem, "application",
           "names no native application; the built-in one is native:hello"});
    }
    return;
  }
  const std::size_t colon = app.find(':');
  const std::string_view callable = app.substr(colon + 1);
  const std::string_view name = callable.substr(0, callable.find('('));
  if (app.find('/') < colon || app.substr(0, colon).ends_with(".py")) {
    found.push_back({kProblem, "application",
                     fmt::format("\"{}\" is a file; {}", app, file_as_module(app))});
  } else if (!is_module(app.substr(0, colon)) || !is_module(name)) {
    found.push_back(
        {kProblem, "application",
         fmt::format("\"{}\" is not of the form package.module:callable", app)});
  } else if (name.size() != callable.size() && !callable.ends_with(')')) {
    found.push_back({kProblem, "application",
                     fmt::format("\"{}\" has no closing parenthesis", app)});
  }
}

void check_lists(const worker::Settings& s, Findings& found) {
  for (const std::string& item : s.environment) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      found.push_back(
          {kProblem, "environment", fmt::format("\"{}\" is not NAME=value", item)});
    }
    if (item.starts_with("SCRIPT_NAME=") && item.size() > equals + 1 &&
        item[equals + 1] != '/') {
      found.push_back(
          {kProblem, "environment",
           fmt::format("\"{}\" is not a path; it begins with \"/\"", item)});
    }
  }
  for (const auto& [key, list] :
       {std::pair{"forwarded_allow_ips", &s.forwarded_allow_ips},
        std::pair{"proxy_allow_ips", &s.proxy_allow_ips}}) {
    for (const std::string& item : *list) {
      if (item != "*" && !is_network(item)) {
        found.push_back({kProblem, key,
                         fmt::format("\"{}\" is no address, network or \"*\"", item)});
      }
    }
  }
  for (const std::string& item : s.access_log_skip) {
    if (!item.starts_with('/'))
      found.push_back({kProblem, "access_log_skip",
                       fmt::format("\"{}\" is no path; it begins with \"/\"", item)});
  }
  for (const std::string& item : s.secure_scheme_headers) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || !is_token(item.substr(0, equals))) {
      found.push_back({kProblem, "secure_scheme_headers",
                       fmt::format("\"{}\" is not NAME=value", item)});
    }
  }
  for (const std::string& item : s.forwarder_headers) {
    if (!is_token(item)) {
      found.push_back({kProblem, "forwarder_headers",
                       fmt::format("\"{}\" is not a field name", item)});
    }
  }
}

void check_receivers(const worker::Settings& s, Findings& found) {
  const auto judge = [&](const char* key, const std::string& value, std::string wrong) {
    if (!wrong.empty())
      found.push_back({kProblem, key, fmt::format("\"{}\" {}", value, wrong)});
  };
  judge("statsd_host", s.statsd_host, statsd::what_is_wrong(s.statsd_host));
  judge("syslog_addr", s.syslog_addr, worker::wrong_syslog_address(s));
  judge("syslog_facility", s.syslog_facility, worker::wrong_syslog_facility(s));
}

void check_texts(const worker::Settings& s, Findings& found) {
  if (!s.request_id_header.empty() && !is_token(s.request_id_header)) {
    found.push_back({kProblem, "request_id_header",
                     fmt::format("\"{}\" is not a field name", s.request_id_header)});
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  if (std::any_of(s.server_header.begin(), s.server_header.end(), control)) {
    found.push_back({kProblem, "server_header", "holds a control character"});
  }
  for (const auto& [key, target] :
       {std::pair{"warm_up", &s.warm_up}, std::pair{"health_check", &s.health_check}}) {
    if (!target->empty() && http::parse_local_target(*target).path.front() != '/') {
      found.push_back({kProblem, key,
                       "is not a path that begins with \"/\", nor http://host/path"});
    }
  }
  if (const auto format = worker::AccessFormat::compile(s.access_log_format); !format) {
    found.push_back({kProblem, "access_log_format", format.error().message()});
  }
}

void check_deadlines(const worker::Settings& s, Findings& found) {
  if (s.slow_request != 0 && s.request_timeout != 0 &&
      s.slow_request >= s.request_timeout) {
    found.push_back({kProblem, "slow_request",
                     fmt::format("{} is never reached: request_timeout is {}",
                                 format_duration_ms(s.slow_request),
                                 format_duration_ms(s.request_timeout))});
  }
  if (s.keepalive != 0 && s.keepalive <= kProxyKeepsMs) {
    found.push_back({kWarning, "keepalive",
                     fmt::format("{} is not longer than nginx keeps an idle connection "
                                 "(60 s): a request may meet a closing connection",
                                 format_duration_ms(s.keepalive))});
  }
  if (s.max_requests_jitter != 0 && s.max_requests == 0) {
    found.push_back(
        {kWarning, "max_requests_jitter", "does nothing without max_requests"});
  }
  for (const auto& [key, setting] :
       {std::pair{"warm_up", &s.warm_up}, std::pair{"pre_fork", &s.pre_fork}}) {
    if (!setting->empty() && s.preload == "false")
      found.push_back({kWarning, key, "does nothing without preload"});
  }
}

void check_supervision(const Settings& s, Findings& found) {
  if (s.max_surge == 0 && s.max_unavailable == 0) {
    found.push_back({kProblem, "max_surge",
                     "0 with max_unavailable 0 leaves no way to replace a worker; one "
                     "of them must be at least 1"});
  }
  if (s.max_surge == 0 && s.max_unavailable >= s.workers) {
    found.push_back({kWarning, "max_unavailable",
                     fmt::format("{} of {} workers: a reload leaves none to serve",
                                 s.max_unavailable, s.workers)});
  }
  if (s.restart_pause > s.restart_pause_longest) {
    found.push_back({kProblem, "restart_pause",
                     fmt::format("{} is longer than restart_pause_longest, {}",
                                 format_duration_ms(s.restart_pause),
                                 format_duration_ms(s.restart_pause_longest))});
  }
}

void check_metrics_bind(const Settings& s, Findings& found) {
  if (s.metrics_bind == "off") return;
  const auto address = canonical_address(s.metrics_bind, s.worker.directory);
  if (!address)
    found.push_back({kProblem, "metrics_bind", address.error().what});
  else if (address.value().starts_with("fd:"))
    found.push_back({kProblem, "metrics_bind",
                     "takes no descriptor; systemd passes a socket of that name: "
                     "FileDescriptorName=metrics"});
}

// The exporter listens there by itself, and looks no names up.
void check_agent_bind(const Settings& s, Findings& found) {
  if (s.agent_bind == "off") return;
  const auto address = canonical_address(s.agent_bind, s.worker.directory);
  if (!address) return found.push_back({kProblem, "agent_bind", address.error().what});
  std::string_view host = address.value();
  host = host.substr(0, std::min(host.rfind(':'), host.size()));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  if (!is_network(host))
    found.push_back({kProblem, "agent_bind",
                     "must be an IP address and a port, as 127.0.0.1:9118"});
  if (s.metrics_bind == "off")
    found.push_back({kWarning, "agent_bind",
                     "is answered by the process of metrics_bind, which is off"});
}

void check_static(const worker::Settings& s, Findings& found) {
  std::vector<std::string> prefixes;
  for (const std::string& item : s.static_files) {
    const auto wrong = [&](const char* why) {
      found.push_back({kProblem, "static", fmt::format("\"{}\" {}", item, why)});
    };
    const std::size_t equals = item.find('=');
    const std::string prefix = item.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == item.size()) {
      wrong("is not /path=directory");
    } else if (!prefix.starts_with('/') || prefix.find("//") != std::string::npos ||
               prefix.find("/../") != std::string::npos || prefix.ends_with("/..") ||
               prefix.find('%') != std::string::npos) {
      wrong("must begin with a plain path, like /static");
    } else if (prefix == "/") {
      wrong("would hide the whole application; name a path below /");
    } else if (std::ranges::find(prefixes, prefix) != prefixes.end()) {
      wrong("is a second directory for this path");
    }
    prefixes.push_back(prefix);
  }
}

// https://prometheus.io/docs/concepts/data_model: names that begin with two underscores
// are Prometheus' own, and some are ours.
void check_metrics_labels(const Settings& s, Findings& found) {
  for (const std::string& entry : s.metrics_labels) {
    const std::size_t equals = entry.find('=');
    const std::string_view name = std::string_view{entry}.substr(0, equals);
    const bool good =
        equals != std::string::npos && is_name(name) && !name.starts_with("__") &&
        std::all_of(name.begin(), name.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!good)
      found.push_back({kProblem, "metrics_labels",
                       fmt::format("\"{}\" is not name=value with a name of letters, "
                                   "digits and underscores, as team=web",
                                   entry)});
    else if (name == "le" || name == "quantile" || name == "instance" || name == "job")
      found.push_back({kProblem, "metrics_labels",
                       fmt::format("{} means something else to Prometheus", name)});
  }
}

void check_listeners(const Settings& s, Findings& found) {
  if (s.bind.empty()) found.push_back({kProblem, "bind", "is empty"});
  bool any_unix = false;
  bool any_open = false;
  for (std::size_t i = 0; i < s.bind.size(); ++i) {
    const auto address = canonical_address(s.bind[i], s.worker.directory);
    if (!address) {
      found.push_back({kProblem, "bind", address.error().what});
      continue;
    }
    any_unix |= address.value().starts_with("unix:");
    any_open |= !is_local_address(address.value());
    if (std::count(s.bind.begin(), s.bind.begin() + static_cast<std::ptrdiff_t>(i),
                   s.bind[i]) != 0) {
      found.push_back(
          {kProblem, "bind", fmt::format("\"{}\" is named twice", s.bind[i])});
    }
  }
  check_metrics_bind(s, found);
  check_agent_bind(s, found);
  check_metrics_labels(s, found);
  constexpr int kEverybody = 0777;  // Gunicorn's umask = 0, which asks for nothing
  const bool socket_rights = (s.socket_mode >= 0 && s.socket_mode != kEverybody) ||
                             !s.socket_user.empty() || !s.socket_group.empty();
  if (socket_rights && !any_unix) {
    found.push_back({kWarning, "socket_mode",
                     "mode and owner of a Unix socket (socket_mode, socket_user, "
                     "socket_group, Gunicorn's umask) do nothing: none is bound"});
  }
  const auto& trusted = s.worker.forwarded_allow_ips;
  if (any_open && std::find(trusted.begin(), trusted.end(), "*") != trusted.end()) {
    found.push_back({kWarning, "forwarded_allow_ips",
                     "\"*\" believes every client that reaches an address of bind: "
                     "anybody can choose REMOTE_ADDR and the scheme"});
  }
}

}  // namespace

std::vector<Finding> check_settings(const Settings& settings) {
  Findings found;
  check_application(settings.worker, found);
  check_lists(settings.worker, found);
  check_texts(settings.worker, found);
  check_receivers(settings.worker, found);
  check_static(settings.worker, found);
  check_deadlines(settings.worker, found);
  check_supervision(settings, found);
  check_listeners(settings, found);
  return found;
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// The options of uWSGI's that sites use, and what they are here.
#include "cli/site/uwsgi_options.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace monodon::cli {
namespace {

using Way = UwsgiOption::Way;
using Pair = std::pair<std::string_view, std::string_view>;

constexpr UwsgiOption kOptions[] = {
    {"threads", Way::flag, "--threads"},
    {"harakiri", Way::flag, "--timeout"},
    {"max-requests", Way::flag, "--max-requests"},
    {"max-requests-delta", Way::flag, "--max-requests-jitter"},
    {"max-worker-lifetime", Way::flag, "--max-lifetime"},
    {"worker-reload-mercy", Way::flag, "--graceful-timeout"},
    {"listen", Way::flag, "--backlog"},
    {"uid", Way::flag, "--user"},
    {"gid", Way::flag, "--group"},
    {"pythonpath", Way::flag, "--pythonpath"},
    {"env", Way::flag, "--env"},
    {"pidfile", Way::flag, "--pid"},
    {"procname", Way::flag, "--name"},
    {"limit-post", Way::flag, "--limit-request-body"},
    {"umask", Way::flag, "--umask"},
    {"static-map", Way::flag, "--static"},
    {"py-autoreload", Way::sure, "--reload"},
    {"lazy-apps", Way::sure, "--no-preload"},
    {"lazy", Way::sure, "--no-preload"},
    {"auto-procname"},
    {"close-on-exec"},
    {"die-on-term"},
    {"disable-write-exception"},
    {"enable-threads"},
    {"ignore-sigpipe"},
    {"ignore-write-errors"},
    {"manage-script-name"},
    {"master"},
    {"master-fifo"},
    {"memory-report"},
    {"need-app"},
    {"no-default-app"},
    {"no-orphans"},
    {"optimize"},
    {"plugin"},
    {"show-config"},
    {"single-interpreter"},
    {"strict"},
    {"thunder-lock"},
    {"vacuum"},
};

constexpr Pair kNames[] = {
    {"C", "chmod-socket"},
    {"H", "home"},
    {"L", "disable-logging"},
    {"M", "master"},
    {"R", "max-requests"},
    {"T", "enable-threads"},
    {"b", "buffer-size"},
    {"d", "daemonize"},
    {"i", "single-interpreter"},
    {"l", "listen"},
    {"p", "processes"},
    {"s", "socket"},
    {"t", "harakiri"},
    {"w", "module"},
    {"z", "socket-timeout"},
    {"O", "optimize"},
    {"chmod", "chmod-socket"},
    {"chown", "chown-socket"},
    {"daemonize2", "daemonize"},
    {"file", "wsgi-file"},
    {"import", "python-import"},
    {"log-date", "log-format"},
    {"logto2", "logto"},
    {"pidfile2", "pidfile"},
    {"plugins", "plugin"},
    {"pp", "pythonpath"},
    {"py-auto-reload", "py-autoreload"},
    {"pyhome", "home"},
    {"python-autoreload", "py-autoreload"},
    {"python-path", "pythonpath"},
    {"reload-mercy", "worker-reload-mercy"},
    {"touch-chain-reload", "touch-reload"},
    {"uwsgi-socket", "socket"},
    {"venv", "home"},
    {"virtualenv", "home"},
    {"workers", "processes"},
    {"wsgi", "module"},
};

constexpr Pair kWhyNot[] = {
    {"buffer-size",
     "limit_request_line and limit_request_field_size bound a line each"},
    {"cheap", "workers are there from the start"},
    {"cheaper", "workers are not added and removed with the load: workers is how many"},
    {"cron", "run it with a timer of systemd"},
    {"unique-cron", "run it with a timer of systemd"},
    {"daemonize", "run it as a service of systemd"},
    {"hook", "run it before or after in the unit: ExecStartPre=, ExecStopPost="},
    {"log-route", "there is one error_log; what another program says is its unit's"},
    {"emperor", "each site is a service of its own"},
    {"gevent", "there are no such workers: threads says how many requests run at once"},
    {"async", "there are no such workers: threads says how many requests run at once"},
    {"https", "there is no TLS here; the proxy in front ends it"},
    {"log-format", "the access log has the language of access_log_format"},
    {"attach-daemon", "run that program as a service of its own"},
    {"mule", "there is no equivalent; run it as a service of its own"},
    {"spooler", "there is no equivalent; run a queue of tasks as a service of its own"},
    {"offload-threads",
     "responses are sent without a thread of the application anyway"},
    {"post-buffering",
     "a body is read whole before the application runs, the large ones into a file"},
    {"pyargv", "sys.argv is our command line"},
    {"python-import", "import it where the application is, or in the setting pre_fork"},
    {"reload-on-as", "max_memory is about the memory that a worker has for itself"},
    {"route", "the proxy in front does that"},
    {"set-header", "the proxy in front does that"},
    {"add-header", "the proxy in front does that"},
    {"static-expires", "the proxy in front does that"},
    {"check-static", "name a path: static is /path=directory"},
    {"socket-timeout", "header_timeout, body_timeout and write_timeout bound a client"},
    {"http-timeout", "header_timeout, body_timeout and write_timeout bound a client"},
    {"stats", "metrics_bind and monodon status tell what a server does"},
    {"touch-reload",
     "a deploy calls monodon reload, which waits and says what came of it"},
    {"fs-reload",
     "a deploy calls monodon reload, which waits and says what came of it"},
    {"wsgi-env-behavior", "there is one way to make an environ"},
};

template <typename Rows>
auto find_in(const Rows& rows, std::string_view name) {
  return std::find_if(std::begin(rows), std::end(rows),
                      [&](const auto& row) { return row.first == name; });
}

}  // namespace

const UwsgiOption* find_uwsgi_option(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kOptions), std::end(kOptions),
                   [&](const UwsgiOption& option) { return option.name == name; });
  return found == std::end(kOptions) ? nullptr : found;
}

std::string_view why_not_uwsgi(std::string_view name) {
  for (const auto& [start, answer] : kWhyNot)
    if (name == start || name.starts_with(std::string{start} + "-") ||
        name == std::string{start} + "2" || name == std::string{start} + "s")
      return answer;
  return {};
}

std::string_view uwsgi_name(std::string_view name) {
  const auto* const found = find_in(kNames, name);
  return found == std::end(kNames) ? name : found->second;
}

bool uwsgi_takes_value(std::string_view name) {
  constexpr std::array<std::string_view, 3> kBare = {"disable-logging", "chmod-socket",
                                                     "check-static"};
  const UwsgiOption* const option = find_uwsgi_option(name);
  if (option == nullptr)
    return std::find(kBare.begin(), kBare.end(), name) == kBare.end();
  return option->way == Way::flag || name == "py-autoreload" || name == "plugin" ||
         name == "optimize" || name == "master-fifo";
}

}  // namespace monodon::cli

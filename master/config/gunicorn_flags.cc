// SPDX-License-Identifier: Apache-2.0
// Gunicorn's flags, and what each of them is here.
#include "master/config/gunicorn_flags.h"

#include <algorithm>
#include <array>
#include <utility>

namespace monodon::master {
namespace {

constexpr std::string_view kTls =
    "there is no TLS here; the proxy in front ends it (nginx: ssl_certificate)";
constexpr std::string_view kOfTls = "not used: it is for TLS, which the proxy ends";
constexpr std::string_view kOfHttp2 = "not used: it is for HTTP/2";
constexpr std::string_view kOfAsgi = "not used: it is for ASGI applications";
constexpr std::string_view kOfDirty = "not used: it is for dirty workers";
constexpr std::string_view kHttp2 =
    "there is no HTTP/2 here; the proxy in front speaks it with clients";
constexpr std::string_view kDirty = "there is no equivalent of dirty workers";
constexpr std::string_view kLenient =
    "there is no equivalent: requests are always parsed strictly";
constexpr std::string_view kPythonLog = "configures the logging of the application";
constexpr std::string_view kPaste =
    "Paste files are not read; name the application as package.module:callable";

constexpr GunicornFlag kFlags[] = {
    // Nothing is lost without these.
    {"--worker-tmp-dir", true, true, "not needed: workers report through memory"},
    {"--worker-connections", true, true,
     "not needed: a worker accepts what its threads can run"},
    {"--reuse-port", false, true, "not needed: all workers share one socket"},
    {"--initgroups", false, true, "not needed: the groups of user are always set"},
    {"--capture-output",
     false,
     true,
     "is application_output: all",
     {},
     false,
     "application_output",
     "all"},
    {"--logger-class", true, true, kPythonLog, {}, false, "logger_class"},
    {"--log-config", true, true, kPythonLog, "logconfig", false, "logconfig"},
    {"--log-config-json", true, true, kPythonLog, "logconfig_json", false,
     "logconfig_json"},
    {"-R,--enable-stdio-inheritance", false, true,
     "not needed: stdin, stdout and stderr are always inherited"},
    {"--enable-backlog-metric", false, true,
     "not used: monodon status and the metrics tell what waits"},
    {"--control-socket", true, true, "not used: see runtime_directory"},
    {"--control-socket-mode", true, true, "not used: it is 0600"},
    {"--no-control-socket", false, true,
     "not used: it is for the server's user and root only", "control_socket_disable"},
    {"--http-parser", true, true, "not used: there is one parser"},

    {"-D,--daemon",
     false,
     false,
     "there is no daemon mode; run it as a service of systemd, or with setsid",
     {},
     true},
    {"--spew", false, false,
     "there is no equivalent; slow_request logs the stacks of slow requests"},
    {"--paste,--paster", true, false, kPaste, {}, true},
    {"--paste-global", true, true, kPaste, "raw_paste_global_conf"},
    {"--protocol",
     true,
     false,
     "only HTTP is spoken, which needs no flag; in nginx: proxy_pass for uwsgi_pass",
     {},
     true},
    {"--uwsgi-allow-from", true, true, "not used: it is for the uwsgi protocol",
     "uwsgi_allow_ips"},
    {"--root-path", true, true,
     "not used: it is for ASGI; a WSGI application has its place from SCRIPT_NAME in "
     "the "
     "environment"},
    {"--keyfile", true, false, kTls, {}, true},
    {"--certfile", true, false, kTls, {}, true},
    {"--ssl-version", true, true, kOfTls},
    {"--cert-reqs", true, true, kOfTls},
    {"--ca-certs", true, true, kOfTls},
    {"--ciphers", true, true, kOfTls},
    {"--suppress-ragged-eofs", false, true, kOfTls},
    {"--do-handshake-on-connect", false, true, kOfTls},
    {"--http-protocols", true, false, kHttp2, {}, true},
    {"--http2-cleartext", true, false, kHttp2, {}, true},
    {"--http2-max-concurrent-streams", true, true, kOfHttp2},
    {"--http2-initial-window-size", true, true, kOfHttp2},
    {"--http2-max-frame-size", true, true, kOfHttp2},
    {"--http2-max-header-list-size", true, true, kOfHttp2},
    {"--strip-header-spaces", false, false, kLenient},
    {"--permit-obsolete-folding", false, false, kLenient},
    {"--permit-unconventional-http-method", false, false, kLenient},
    {"--permit-unconventional-http-version", false, false, kLenient},
    {"--casefold-http-method", false, false, kLenient},
    {"--asgi-loop", true, true, kOfAsgi},
    {"--asgi-lifespan", true, true, kOfAsgi},
    {"--asgi-disconnect-grace-period", true, true, kOfAsgi},
    {"--websocket-max-message-size", true, true, kOfAsgi},
    {"--dirty-app", true, false, kDirty, "dirty_apps", true},
    {"--dirty-workers", true, false, kDirty},
    {"--dirty-timeout", true, true, kOfDirty},
    {"--dirty-threads", true, true, kOfDirty},
    {"--dirty-graceful-timeout", true, true, kOfDirty},
};

// Those that are ours as well.
constexpr std::array<std::string_view, 49> kShared = {
    "--help",
    "--version",
    "--config",
    "--bind",
    "--backlog",
    "--workers",
    "--worker-class",
    "--threads",
    "--max-requests",
    "--max-requests-jitter",
    "--timeout",
    "--graceful-timeout",
    "--keep-alive",
    "--limit-request-line",
    "--check-config",
    "--limit-request-fields",
    "--print-config",
    "--limit-request-field_size",
    "--preload",
    "--no-sendfile",
    "--chdir",
    "--env",
    "--pid",
    "--user",
    "--group",
    "--umask",
    "--access-logfile",
    "--forwarded-allow-ips",
    "--error-logfile",
    "--access-logformat",
    "--log-file",
    "--log-level",
    "--pythonpath",
    "--forwarder-headers",
    "--header-map",
    "--name",
    "--reload",
    "--reload-engine",
    "--reload-extra-file",
    "--proxy-protocol",
    "--proxy-allow-from",
    "--log-syslog",
    "--log-syslog-to",
    "--log-syslog-prefix",
    "--log-syslog-facility",
    "--disable-redirect-access-to-syslog",
    "--statsd-host",
    "--statsd-prefix",
    "--dogstatsd-tags"};

constexpr GunicornName kNames[] = {
    {"access_log_format", "access_log_format"},
    {"accesslog", "access_log"},
    {"backlog", "backlog"},
    {"bind", "bind"},
    {"chdir", "directory"},
    {"disable_redirect_access_to_syslog", "disable_redirect_access_to_syslog"},
    {"dogstatsd_tags", "dogstatsd_tags"},
    {"errorlog", "error_log"},
    {"forwarded_allow_ips", "forwarded_allow_ips"},
    {"forwarder_headers", "forwarder_headers"},
    {"graceful_timeout", "graceful_timeout"},
    {"group", "group"},
    {"header_map", "header_map"},
    {"keepalive", "keepalive"},
    {"limit_request_field_size", "limit_request_field_size"},
    {"limit_request_fields", "limit_request_fields"},
    {"limit_request_line", "limit_request_line"},
    {"loglevel", "log_level"},
    {"max_requests", "max_requests"},
    {"max_requests_jitter", "max_requests_jitter"},
    {"pidfile", "pid_file"},
    {"preload_app", "preload"},
    {"proc_name", "name"},
    {"proxy_allow_ips", "proxy_allow_ips"},
    {"proxy_protocol", "proxy_protocol"},
    {"pythonpath", "python_path"},
    {"raw_env", "environment"},
    {"reload", "reload"},
    {"reload_engine", "reload_engine"},
    {"reload_extra_files", "reload_extra_files"},
    {"secure_scheme_headers", "secure_scheme_headers"},
    {"sendfile", "sendfile"},
    {"statsd_host", "statsd_host"},
    {"statsd_prefix", "statsd_prefix"},
    {"syslog", "syslog"},
    {"syslog_addr", "syslog_addr"},
    {"syslog_facility", "syslog_facility"},
    {"syslog_prefix", "syslog_prefix"},
    {"threads", "threads"},
    {"timeout", "request_timeout"},
    {"umask", "umask"},
    {"user", "user"},
    {"workers", "workers"},
    {"wsgi_app", "application"},
};

constexpr std::string_view kInMaster =
    "the master runs no Python; what must happen once for a start belongs in the unit "
    "(ExecStartPre=, ExecStartPost=)";
constexpr std::string_view kAfterFork =
    "name it in the setting post_fork: module:callable";
constexpr std::string_view kOnce =
    "what must happen once for a start belongs in the unit (ExecStartPost=)";
constexpr std::string_view kAtExit = "name it in the setting pre_stop: module:callable";
constexpr std::string_view kRequest =
    "wrap the application in a WSGI middleware, or use Django's request_started and "
    "request_finished";

constexpr std::string_view kBefore =
    "do it where the application is imported, or in the unit (ExecStartPre=)";

constexpr GunicornHook kHooks[] = {
    {"on_starting", kBefore, true},
    {"on_reload", kBefore, true},
    {"when_ready", kOnce, true},
    {"pre_exec", kInMaster, true},
    {"nworkers_changed", kInMaster, true},
    {"on_exit", "what must happen once at the end belongs in the unit (ExecStopPost=)",
     true},
    {"pre_fork",
     "the application is imported before the fork (preload): do it on import, or once "
     "after it in the setting pre_fork: module:callable",
     true},
    {"post_fork", kAfterFork, true},
    {"post_worker_init", kAfterFork, true},
    {"worker_int", kAtExit, true},
    {"worker_abort",
     "not needed: a request over its deadline is logged with its stacks", true},
    {"worker_exit", kAtExit, true},
    {"child_exit", "not needed: the master tells why each worker ended", true},
    {"pre_request", kRequest, true},
    {"post_request", kRequest, true},
    {"ssl_context", kTls},
    {"on_dirty_starting", kDirty},
    {"dirty_post_fork", kDirty},
    {"dirty_worker_init", kDirty},
    {"dirty_worker_exit", kDirty},
};

// What Gunicorn takes for a setting that is not given, where that is not nothing.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"asgi_disconnect_grace_period", "3"},
    {"asgi_lifespan", "auto"},
    {"asgi_loop", "auto"},
    {"control_socket_mode", "384"},
    {"dirty_graceful_timeout", "30"},
    {"dirty_threads", "1"},
    {"dirty_timeout", "300"},
    {"http2_initial_window_size", "65535"},
    {"http2_max_concurrent_streams", "100"},
    {"http2_max_frame_size", "16384"},
    {"http2_max_header_list_size", "65536"},
    {"http_parser", "auto"},
    {"http_protocols", "h1"},
    {"logger_class", "gunicorn.glogging.Logger"},
    {"logger_class", "simple"},
    {"ssl_version", "2"},
    {"suppress_ragged_eofs", "true"},
    {"uwsgi_allow_ips", "127.0.0.1,::1"},
    {"websocket_max_message_size", "16777216"},
    {"worker_connections", "1000"},
};

}  // namespace

std::string name_in_file(const GunicornFlag& flag) {
  if (!flag.setting.empty()) return std::string{flag.setting};
  std::string name{flag.name().substr(2)};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

bool asks_for_nothing(std::string_view name, std::string_view value) {
  if (name == "protocol") return value != "uwsgi";  // as Gunicorn compares it
  return value.empty() || value == "0" || value == "off" || value == "false" ||
         std::find(std::begin(kDefaults), std::end(kDefaults),
                   std::pair{name, value}) != std::end(kDefaults);
}

std::span<const GunicornHook> gunicorn_hooks() {
  return kHooks;
}

std::span<const GunicornName> gunicorn_names() {
  return kNames;
}

std::span<const GunicornFlag> gunicorn_flags() {
  return kFlags;
}

bool is_gunicorn_flag(std::string_view name) {
  const auto is_named = [&](const GunicornFlag& flag) {
    for (std::string_view rest = flag.names; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (rest.substr(0, comma) == name) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
  };
  return std::find(kShared.begin(), kShared.end(), name) != kShared.end() ||
         std::any_of(std::begin(kFlags), std::end(kFlags), is_named);
}

}  // namespace monodon::master

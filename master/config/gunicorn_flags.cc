// SPDX-License-Identifier: Apache-2.0
// Gunicorn's flags, and what each of them is here.
#include "master/config/gunicorn_flags.h"

namespace monodon::master {
namespace {

constexpr std::string_view kTls =
    "there is no TLS here; the proxy in front ends it (nginx: ssl_certificate)";
constexpr std::string_view kHttp2 =
    "there is no HTTP/2 here; the proxy in front speaks it with clients";
constexpr std::string_view kAsgi = "ASGI applications are not served, only WSGI";
constexpr std::string_view kDirty = "there is no equivalent of dirty workers";
constexpr std::string_view kLenient =
    "there is no equivalent: requests are always parsed strictly";
constexpr std::string_view kStatsd = "there is no statsd client";
constexpr std::string_view kSyslog =
    "there is no syslog client; under systemd the journal takes the log (and passes it "
    "on to syslog), see error_log_format";
constexpr std::string_view kPythonLog =
    "the server's log is not made by Python's logging; see error_log, "
    "error_log_format, access_log_format";
constexpr std::string_view kPaste =
    "Paste files are not read; name the application as package.module:callable";
constexpr std::string_view kProxyProtocol =
    "the PROXY protocol is not spoken; have the proxy send X-Forwarded-For";

constexpr GunicornFlag kFlags[] = {
    // Nothing is lost without these.
    {"--worker-tmp-dir", true, true, "not needed: workers report through memory"},
    {"--worker-connections", true, true,
     "not needed: a worker accepts what its threads can run"},
    {"--reuse-port", false, true, "not needed: all workers share one socket"},
    {"--initgroups", false, true, "not needed: the groups of user are always set"},
    {"--capture-output", false, true,
     "not needed: stdout and stderr of the application stay those of the service"},
    {"-R,--enable-stdio-inheritance", false, true,
     "not needed: stdin, stdout and stderr are always inherited"},
    {"--disable-redirect-access-to-syslog", false, true, "not needed: it never is"},
    {"--enable-backlog-metric", false, true, "not needed: there is no statsd client"},
    {"--control-socket", true, true, "not used: see runtime_directory"},
    {"--control-socket-mode", true, true, "not used: it is 0600"},
    {"--no-control-socket", false, true,
     "not used: it is for the server's user and root only", "control_socket_disable"},
    {"--http-parser", true, true, "not used: there is one parser"},

    {"-D,--daemon", false, false,
     "there is no daemon mode; run it as a service of systemd, or with setsid"},
    {"--spew", false, false,
     "there is no equivalent; slow_request logs the stacks of slow requests"},
    {"--logger-class", true, false, kPythonLog},
    {"--log-config", true, false, kPythonLog, "logconfig"},
    {"--log-config-json", true, false, kPythonLog, "logconfig_json"},
    {"--log-syslog", false, false, kSyslog, "syslog"},
    {"--log-syslog-to", true, false, kSyslog, "syslog_addr"},
    {"--log-syslog-prefix", true, false, kSyslog, "syslog_prefix"},
    {"--log-syslog-facility", true, false, kSyslog, "syslog_facility"},
    {"--statsd-host", true, false, kStatsd},
    {"--statsd-prefix", true, false, kStatsd},
    {"--dogstatsd-tags", true, false, kStatsd},
    {"--proxy-protocol", false, false, kProxyProtocol},
    {"--proxy-allow-from", true, false, kProxyProtocol, "proxy_allow_ips"},
    {"--paste,--paster", true, false, kPaste},
    {"--paste-global", true, false, kPaste, "raw_paste_global_conf"},
    {"--protocol", true, false, "only HTTP is spoken, which needs no flag"},
    {"--uwsgi-allow-from", true, false, "the uwsgi protocol is not spoken",
     "uwsgi_allow_ips"},
    {"--root-path", true, false,
     "have the proxy send SCRIPT_NAME (see forwarder_headers)"},
    {"--keyfile", true, false, kTls},
    {"--certfile", true, false, kTls},
    {"--ssl-version", true, false, kTls},
    {"--cert-reqs", true, false, kTls},
    {"--ca-certs", true, false, kTls},
    {"--ciphers", true, false, kTls},
    {"--suppress-ragged-eofs", false, false, kTls},
    {"--do-handshake-on-connect", false, false, kTls},
    {"--http-protocols", true, false, kHttp2},
    {"--http2-cleartext", true, false, kHttp2},
    {"--http2-max-concurrent-streams", true, false, kHttp2},
    {"--http2-initial-window-size", true, false, kHttp2},
    {"--http2-max-frame-size", true, false, kHttp2},
    {"--http2-max-header-list-size", true, false, kHttp2},
    {"--strip-header-spaces", false, false, kLenient},
    {"--permit-obsolete-folding", false, false, kLenient},
    {"--permit-unconventional-http-method", false, false, kLenient},
    {"--permit-unconventional-http-version", false, false, kLenient},
    {"--casefold-http-method", false, false, kLenient},
    {"--asgi-loop", true, false, kAsgi},
    {"--asgi-lifespan", true, false, kAsgi},
    {"--asgi-disconnect-grace-period", true, false, kAsgi},
    {"--dirty-app", true, false, kDirty, "dirty_apps"},
    {"--dirty-workers", true, false, kDirty},
    {"--dirty-timeout", true, false, kDirty},
    {"--dirty-threads", true, false, kDirty},
    {"--dirty-graceful-timeout", true, false, kDirty},
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

constexpr GunicornHook kHooks[] = {
    {"on_starting", kInMaster},
    {"on_reload", kInMaster},
    {"when_ready", kOnce, true},
    {"pre_exec", kInMaster},
    {"nworkers_changed", kInMaster},
    {"on_exit", kInMaster},
    {"pre_fork",
     "the application is imported before the fork (preload): do it on import, or once "
     "after it in the setting pre_fork: module:callable"},
    {"post_fork", kAfterFork, true},
    {"post_worker_init", kAfterFork, true},
    {"worker_int", kAtExit},
    {"worker_abort",
     "not needed: a request over its deadline is logged with its stacks"},
    {"worker_exit", kAtExit, true},
    {"child_exit", "not needed: the master tells why each worker ended", true},
    {"pre_request", kRequest},
    {"post_request", kRequest},
    {"ssl_context", kTls},
    {"on_dirty_starting", kDirty},
    {"dirty_post_fork", kDirty},
    {"dirty_worker_init", kDirty},
    {"dirty_worker_exit", kDirty},
};

}  // namespace

std::span<const GunicornHook> gunicorn_hooks() {
  return kHooks;
}

std::span<const GunicornFlag> gunicorn_flags() {
  return kFlags;
}

}  // namespace monodon::master

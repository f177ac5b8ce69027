// SPDX-License-Identifier: Apache-2.0
#include "cli/gunicorn_flags.h"

namespace monodon::cli {
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
constexpr std::string_view kReload =
    "code is not watched; monodon reload brings in new code without losing requests";
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
     "not used: without runtime_directory there is none"},
    {"--http-parser", true, true, "not used: there is one parser"},

    {"--reload", false, false, kReload},
    {"--reload-engine", false, false, kReload},
    {"--reload-extra-file", false, false, kReload},
    {"-D,--daemon", false, false,
     "there is no daemon mode; run it as a service of systemd, or with setsid"},
    {"--spew", false, false,
     "there is no equivalent; slow_request logs the stacks of slow requests"},
    {"--logger-class", false, false, kPythonLog},
    {"--log-config", false, false, kPythonLog},
    {"--log-config-json", false, false, kPythonLog},
    {"--log-syslog", false, false, kSyslog},
    {"--log-syslog-to", false, false, kSyslog},
    {"--log-syslog-prefix", false, false, kSyslog},
    {"--log-syslog-facility", false, false, kSyslog},
    {"--statsd-host", false, false, kStatsd},
    {"--statsd-prefix", false, false, kStatsd},
    {"--dogstatsd-tags", false, false, kStatsd},
    {"--proxy-protocol", false, false, kProxyProtocol},
    {"--proxy-allow-from", false, false, kProxyProtocol},
    {"--paste,--paster", false, false, kPaste},
    {"--paste-global", false, false, kPaste},
    {"--protocol", false, false, "only HTTP is spoken, which needs no flag"},
    {"--uwsgi-allow-from", false, false, "the uwsgi protocol is not spoken"},
    {"--root-path", false, false,
     "have the proxy send SCRIPT_NAME (see forwarder_headers)"},
    {"--keyfile", false, false, kTls},
    {"--certfile", false, false, kTls},
    {"--ssl-version", false, false, kTls},
    {"--cert-reqs", false, false, kTls},
    {"--ca-certs", false, false, kTls},
    {"--ciphers", false, false, kTls},
    {"--suppress-ragged-eofs", false, false, kTls},
    {"--do-handshake-on-connect", false, false, kTls},
    {"--http-protocols", false, false, kHttp2},
    {"--http2-cleartext", false, false, kHttp2},
    {"--http2-max-concurrent-streams", false, false, kHttp2},
    {"--http2-initial-window-size", false, false, kHttp2},
    {"--http2-max-frame-size", false, false, kHttp2},
    {"--http2-max-header-list-size", false, false, kHttp2},
    {"--strip-header-spaces", false, false, kLenient},
    {"--permit-obsolete-folding", false, false, kLenient},
    {"--permit-unconventional-http-method", false, false, kLenient},
    {"--permit-unconventional-http-version", false, false, kLenient},
    {"--casefold-http-method", false, false, kLenient},
    {"--asgi-loop", false, false, kAsgi},
    {"--asgi-lifespan", false, false, kAsgi},
    {"--asgi-disconnect-grace-period", false, false, kAsgi},
    {"--dirty-app", false, false, kDirty},
    {"--dirty-workers", false, false, kDirty},
    {"--dirty-timeout", false, false, kDirty},
    {"--dirty-threads", false, false, kDirty},
    {"--dirty-graceful-timeout", false, false, kDirty},
};

}  // namespace

std::span<const GunicornFlag> gunicorn_flags() {
  return kFlags;
}

}  // namespace monodon::cli

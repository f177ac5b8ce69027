// SPDX-License-Identifier: Apache-2.0
// The settings of a request: limits, time, headers, logs.

#include "master/config/rows.h"

namespace monodon::master::rows {
namespace {

using W = worker::Settings;
using M = Settings;

constexpr Setting kDeadlines[] = {
    {.key = "request_timeout",
     .kind = Kind::duration,
     .field = &W::request_timeout,
     .doc = "Time the application has for one request; 0: no limit.",
     .more = "Then the client gets 504, the request and its Python stacks are logged, "
             "and the worker is replaced. It applies to each request, with any number "
             "of threads.",
     .largest = kDay,
     .flags = "-t,--timeout"},
    {.key = "slow_request",
     .kind = Kind::duration,
     .field = &W::slow_request,
     .doc = "Time after which the stacks of a running request are logged; 0: never.",
     .largest = kDay},
    {.key = "graceful_timeout",
     .kind = Kind::duration,
     .field = &W::graceful_timeout,
     .doc = "Time that running requests have to finish when a worker must leave.",
     .largest = kDay},
    {.key = "stop_delay",
     .kind = Kind::duration,
     .field = &M::stop_delay,
     .doc = "Time that a server which was told to stop goes on accepting.",
     .more = "For balancers that are told late: from SIGTERM on /-/ready says no, and "
             "for this long all is served as before; then the workers leave, within "
             "graceful_timeout. A second SIGTERM ends the wait. Behind a socket of "
             "systemd nothing is lost without it.",
     .on_reload = OnReload::live,
     .largest = kHour},
    {.key = "header_timeout",
     .kind = Kind::duration,
     .field = &W::header_timeout,
     .doc = "Time a client has to send the head of a request.",
     .smallest = 1,
     .largest = kHour},
    {.key = "body_timeout",
     .kind = Kind::duration,
     .field = &W::body_timeout,
     .doc = "Longest time a client may pause within a request body.",
     .smallest = 1,
     .largest = kDay},
    {.key = "write_timeout",
     .kind = Kind::duration,
     .field = &W::write_timeout,
     .doc = "Longest time a client may pause while it reads a response.",
     .smallest = 1,
     .largest = kDay},
    {.key = "keepalive",
     .kind = Kind::duration,
     .field = &W::keepalive,
     .doc = "Time an idle connection is kept open; 0: closed after each response.",
     .more =
         "Keep it longer than the proxy does (nginx: 60 s), so that the proxy closes "
         "the connection and no request arrives on one that is being closed.",
     .largest = kDay,
     .flags = "--keep-alive"},
};

constexpr Setting kLimits[] = {
    {.key = "limit_request_line",
     .kind = Kind::size,
     .field = &W::limit_request_line,
     .doc = "Longest request line; longer ones are answered with 414.",
     .more = "0 is the largest value.",
     .smallest = 0,
     .largest = 64 * kKiB},
    {.key = "limit_request_fields",
     .kind = Kind::count,
     .field = &W::limit_request_fields,
     .doc = "Most header fields of a request; more are answered with 431.",
     .more = "0 is the largest value.",
     .largest = 32768},
    {.key = "limit_request_field_size",
     .kind = Kind::size,
     .field = &W::limit_request_field_size,
     .doc = "Largest header field, name and value; larger ones are answered with 431.",
     .more = "0 is the largest value.",
     .largest = 1024 * kKiB,
     .flags = "--limit-request-field_size"},
    {.key = "limit_request_body",
     .kind = Kind::size,
     .field = &W::limit_request_body,
     .doc = "Largest request body; larger ones are answered with 413; 0 is no limit.",
     .largest = kNoLimit},
    {.key = "body_memory",
     .kind = Kind::size,
     .field = &W::body_memory,
     .doc = "Part of a request body kept in memory; the rest goes to an unlinked file.",
     .largest = kGiB},
    {.key = "response_memory",
     .kind = Kind::size,
     .field = &W::response_memory,
     .doc = "Part of a response kept in memory until its client reads it; the rest "
            "goes to a file.",
     .largest = kGiB},
    {.key = "spool_directory",
     .kind = Kind::path,
     .field = &W::spool_directory,
     .doc = "Directory of those files; best not a tmpfs.",
     .more = "The default is the first of $TMPDIR, /var/tmp and /tmp that can be "
             "written to, or memory (at most 256M of spool_limit). It is tried at the "
             "start, by a reload and by monodon check, and the log says which one it "
             "is. If one is set and cannot be used, that is an error for monodon "
             "check; a server starts with the next one and logs an error."},
    {.key = "spool_limit",
     .kind = Kind::size,
     .field = &W::spool_limit,
     .doc = "Most that those files may hold, for all workers together; 0: no limit.",
     .more = "What does not fit is answered with 507; the rest of a response waits for "
             "its client. While a reload replaces workers, old and new ones have such "
             "a limit each.",
     .largest = kNoLimit},
};

constexpr Setting kProxy[] = {
    {.key = "forwarded_allow_ips",
     .kind = Kind::list,
     .field = &W::forwarded_allow_ips,
     .doc =
         "Proxies whose X-Forwarded fields are believed: addresses, networks, \"*\".",
     .more = "A peer on a Unix socket is always believed. With an empty list, or an "
             "empty variable, nobody else is.",
     .environment = "FORWARDED_ALLOW_IPS",
     .fallback = "127.0.0.1,::1",
     .trusts = true},
    {.key = "secure_scheme_headers",
     .kind = Kind::list,
     .field = &W::secure_scheme_headers,
     .doc = "Fields by which a proxy says that the client used https, as NAME=value.",
     .more = "Fields that contradict each other are answered with 400.",
     .fallback = "X-FORWARDED-PROTOCOL=ssl,X-FORWARDED-PROTO=https,X-FORWARDED-SSL=on",
     .trusts = true},
    {.key = "forwarder_headers",
     .kind = Kind::list,
     .field = &W::forwarder_headers,
     .doc = "Fields with an underscore that a believed proxy may set.",
     .more = "SCRIPT_NAME is the front part of the path, which the application does "
             "not handle itself. Name it only if the proxy sets it in every request: "
             "otherwise a client can send it past the proxy's rules. Any other field, "
             "PATH_INFO too, reaches the application as HTTP_ and its name.",
     .trusts = true},
    {.key = "header_map",
     .kind = Kind::choice,
     .field = &W::header_map,
     .doc = "What to do with other fields whose names contain an underscore.",
     .more = "Underscore and dash look the same in a WSGI environ, so such a field can "
             "pass for one that the proxy checks: drop it, refuse the request with "
             "400, or pass it on (dangerous).",
     .choices = "drop|refuse|dangerous"},
    {.key = "remote_addr_from_forwarded",
     .kind = Kind::flag,
     .field = &W::remote_addr_from_forwarded,
     .doc =
         "Set REMOTE_ADDR to the last address in X-Forwarded-For of a believed proxy.",
     .more = "If false, REMOTE_ADDR is the peer itself, which is empty on a Unix "
             "socket (as with Gunicorn)."},
    {.key = "strip_untrusted_forwarded",
     .kind = Kind::flag,
     .field = &W::strip_untrusted_forwarded,
     .doc = "Remove X-Forwarded fields that do not come from a believed proxy.",
     .more = "Otherwise the application may believe what anybody sent. If false, they "
             "are passed on (as with Gunicorn), but still not believed by the server."},
    {.key = "proxy_protocol",
     .kind = Kind::choice,
     .field = &W::proxy_protocol,
     .doc = "The PROXY header that a proxy may send before the first request.",
     .more =
         "v1 and v2 are HAProxy's send-proxy and send-proxy-v2, auto is either. The "
         "client that it names is the peer from then on: REMOTE_ADDR, and whose "
         "fields are believed (forwarded_allow_ips). A connection without one is "
         "served as ever.",
     .choices = "off|v1|v2|auto",
     .flags = "--proxy-protocol"},
    {.key = "proxy_allow_ips",
     .kind = Kind::list,
     .field = &W::proxy_allow_ips,
     .doc = "Peers that may send a PROXY header: addresses, networks, \"*\".",
     .more =
         "Others that do are answered with 403. A peer on a Unix socket always may.",
     .flags = "--proxy-allow-from",
     .fallback = "127.0.0.1,::1",
     .trusts = true},
    {.key = "request_id_header",
     .kind = Kind::text,
     .field = &W::request_id_header,
     .doc = "Field with the proxy's request id; without it an id is made here.",
     .more =
         "The application finds it as REQUEST_ID, logs, `monodon status` and `monodon "
         "trace` show it. Without the field it is the trace id of a traceparent that "
         "the proxy sends (W3C Trace Context). Empty: always made here."},
    {.key = "request_uri",
     .kind = Kind::flag,
     .field = &W::request_uri,
     .doc = "Give the application the target as it was sent as REQUEST_URI, too.",
     .more =
         "uWSGI and Apache do so. If false, it is only in RAW_URI (as with Gunicorn)."},
};

constexpr Setting kResponses[] = {
    {.key = "server_header",
     .kind = Kind::text,
     .field = &W::server_header,
     .doc = "Value of the Server field; empty sends none."},
    {.key = "static",
     .kind = Kind::list,
     .field = &W::static_files,
     .doc = "Directories that are served without the application, as /path=directory.",
     .more = "In the file, a mapping of paths to directories: {/static: static}. For "
             "sites without a proxy that serves files. GET and HEAD are answered, with "
             "ranges, conditions (ETag, Last-Modified), and with NAME.br or NAME.gz "
             "beside the file if the client accepts them and they are not older. Not "
             "served: names that begin with a dot, listings, and links that lead out "
             "of the directory. A missing file is a 404.",
     .flags = "--static",
     .separator = '\0'},
    {.key = "sendfile",
     .kind = Kind::flag,
     .field = &W::sendfile,
     .doc = "Send files of wsgi.file_wrapper with sendfile(2).",
     .flags = "--sendfile",
     .environment = "SENDFILE"},
    {.key = "early_hints",
     .kind = Kind::flag,
     .field = &W::early_hints,
     .doc = "Offer wsgi.early_hints, by which an application sends 103 Early Hints.",
     .more = "Only if the proxy knows 103: nginx before 1.29 takes it for the answer, "
             "and the client never gets the real one."},
    {.key = "hop_by_hop",
     .kind = Kind::choice,
     .field = &W::hop_by_hop,
     .doc = "What to do with Transfer-Encoding, Keep-Alive, Upgrade and the like in a "
            "response.",
     .more = "They belong to the server (PEP 3333): refuse answers 500 and names the "
             "field, drop sends the response without it, as Gunicorn does. Without a "
             "YAML file, that is with Gunicorn's command line or gunicorn.conf.py "
             "alone, the default is drop.",
     .choices = "refuse|drop"},
};

constexpr Setting kLogs[] = {
    {.key = "access_log",
     .kind = Kind::path,
     .field = &W::access_log,
     .doc = "File for the access log; \"-\" is stdout, empty: none.",
     .flags = "--access-logfile"},
    {.key = "access_log_format",
     .kind = Kind::text,
     .field = &W::access_log_format,
     .doc = "Format of the access log: Gunicorn's language, \"json\" or \"terminal\".",
     .more = "Atoms: h l u t r m U q H s B b f a T M D L p, {name}i, {name}o, {name}e.",
     .flags = "--access-logformat",
     .fallback = R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")"},
    {.key = "access_log_skip",
     .kind = Kind::list,
     .field = &W::access_log_skip,
     .doc =
         "Paths of requests that are not in the access log: checks of a load balancer.",
     .more =
         "Whole paths, as /health/. An answer of 400 or more is logged all the same."},
    {.key = "error_log",
     .kind = Kind::path,
     .field = &W::error_log,
     .doc = "File for the server's own messages; \"-\" is stderr.",
     .flags = "--error-logfile,--log-file"},
    {.key = "error_log_format",
     .kind = Kind::choice,
     .field = &W::error_log_format,
     .doc = "Format of the error log; auto: the journal's own where stderr is the "
            "journal.",
     .more = "terminal is for a person at a terminal: the time of day and the message, "
             "in colour (see NO_COLOR), without the routine of starts and reloads.",
     .choices = "auto|text|terminal|json|journald"},
    {.key = "log_level",
     .kind = Kind::choice,
     .field = &W::log_level,
     .doc = "Least severe messages that are logged.",
     .choices = "debug|info|warning|error|critical"},
    {.key = "application_output",
     .kind = Kind::choice,
     .field = &W::application_output,
     .doc =
         "What of the application's own output goes to error_log, if that is a file.",
     .more =
         "stderr: what it prints there, Django's tracebacks and Python's last words "
         "at a crash are where the errors are. all: its stdout as well, as with "
         "Gunicorn's --capture-output. off: both stay those of the service, mostly "
         "the journal.",
     .choices = "stderr|all|off"},
    {.key = "log_exceptions",
     .kind = Kind::flag,
     .field = &W::log_exceptions,
     .doc = "Log the exceptions that Django answers with 500.",
     .more =
         "Through its signal got_request_exception, with the traceback, the path and "
         "the request id, whatever LOGGING says. By default Django logs them nowhere "
         "unless DEBUG is on or ADMINS has addresses."},
    {.key = "syslog",
     .kind = Kind::flag,
     .field = &W::syslog,
     .doc = "Send the lines of error and access log to syslog as well.",
     .flags = "--log-syslog"},
    {.key = "syslog_addr",
     .kind = Kind::text,
     .field = &W::syslog_addr,
     .doc = "Where syslog listens.",
     .more = "unix:///dev/log, with #dgram or #stream for one type of socket, "
             "udp://host:port or tcp://host:port.",
     .flags = "--log-syslog-to"},
    {.key = "syslog_prefix",
     .kind = Kind::text,
     .field = &W::syslog_prefix,
     .doc = "Program in the lines to syslog: gunicorn.PREFIX.error; empty is the name.",
     .flags = "--log-syslog-prefix"},
    {.key = "syslog_facility",
     .kind = Kind::text,
     .field = &W::syslog_facility,
     .doc = "Facility of the lines to syslog.",
     .flags = "--log-syslog-facility"},
    {.key = "disable_redirect_access_to_syslog",
     .kind = Kind::flag,
     .field = &W::disable_redirect_access_to_syslog,
     .doc = "Keep the lines of the access log from syslog."},
    {.key = "statsd_host",
     .kind = Kind::text,
     .field = &W::statsd_host,
     .doc = "Where a statsd server listens for datagrams; empty is none.",
     .more = "host:port or unix:///path. Sent are gunicorn.requests, "
             "gunicorn.request.duration, gunicorn.request.status.NNN, gunicorn.workers "
             "and gunicorn.log.LEVEL."},
    {.key = "statsd_prefix",
     .kind = Kind::text,
     .field = &W::statsd_prefix,
     .doc = "Prefix of the names for statsd."},
    {.key = "dogstatsd_tags",
     .kind = Kind::text,
     .field = &W::dogstatsd_tags,
     .doc = "Tags of DogStatsD, as name:value,name:value."},
};

}  // namespace

std::span<const Setting> deadlines() {
  return kDeadlines;
}
std::span<const Setting> limits() {
  return kLimits;
}
std::span<const Setting> proxy() {
  return kProxy;
}
std::span<const Setting> responses() {
  return kResponses;
}
std::span<const Setting> logs() {
  return kLogs;
}

}  // namespace monodon::master::rows

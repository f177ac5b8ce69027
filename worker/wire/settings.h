// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace monodon::worker {

// Everything that a zygote and its workers need to know, fixed for the life of one
// generation. The master fills it from the checked configuration and sends it, as
// JSON, in the boot message of the zygote (worker/wire/wire.h). Defaults, ranges, units
// and documentation of each key are in master/config/settings.h: here they only travel.
//
// Durations are milliseconds, sizes are bytes, 0 means "off" or "no limit" where
// the table of settings says so.
struct Settings {
  // Application
  std::string application;         // "package.module:callable" or "native:..."
  std::string interface = "auto";  // auto | wsgi | asgi
  std::string lifespan = "auto";   // auto | on | off
  std::string directory;           // working directory, becomes sys.path[0]
  std::vector<std::string> python_path;
  std::vector<std::string> environment;    // "KEY=value", set before the import
  std::string preload = "auto";            // auto | true | false
  std::string learned_imports = "refuse";  // refuse | tell | off
  std::string warm_up;       // path of a request made in the zygote; "" for none
  std::string health_check;  // path of a request that a new worker makes; "": none
  std::string pre_fork;      // "module:callable", called in the zygote; "" for none
  std::string post_fork;     // the same, in each worker
  std::string pre_stop;
  std::string name;           // shown in process titles
  std::uint32_t workers = 1;  // for wsgi.multiprocess
  std::uint32_t threads = 1;

  // Deadlines, ms
  std::uint64_t request_timeout = 30'000;
  std::uint64_t slow_request = 0;
  std::uint64_t graceful_timeout = 30'000;
  std::uint64_t header_timeout = 10'000;
  std::uint64_t body_timeout = 30'000;
  std::uint64_t write_timeout = 60'000;
  std::uint64_t keepalive = 75'000;

  // Recycling
  std::uint64_t max_requests = 0;
  std::uint64_t max_requests_jitter = 0;
  std::uint64_t max_lifetime = 0;
  std::uint64_t max_memory = 0;  // PSS of the worker, bytes

  // Limits of a request
  std::uint64_t limit_request_line = 4094;
  std::uint64_t limit_request_fields = 100;
  std::uint64_t limit_request_field_size = 8190;
  std::uint64_t limit_request_body = 1ULL << 30;
  std::uint64_t body_memory = 256 * 1024;       // more goes to an unlinked file
  std::uint64_t response_memory = 1024 * 1024;  // more goes to an unlinked file
  std::string spool_directory;  // "" until the master has chosen; or kSpoolMemory
  std::uint64_t spool_limit = 4ULL << 30;  // of all workers together

  // WebSockets
  std::uint64_t websocket_max_message = 16ULL << 20;
  std::uint64_t websocket_ping_interval = 20'000;  // ms; 0: no pings
  std::uint64_t websocket_ping_timeout = 20'000;   // ms; 0: no limit
  std::uint64_t websocket_drain = 10'000;          // ms

  // Who is on the other side
  std::vector<std::string> forwarded_allow_ips;    // addresses, networks, "*"
  std::vector<std::string> secure_scheme_headers;  // "X-FORWARDED-PROTO=https"
  std::vector<std::string> forwarder_headers;      // "SCRIPT_NAME", "PATH_INFO"
  std::string header_map = "drop";                 // drop | refuse | dangerous
  bool remote_addr_from_forwarded = true;
  bool strip_untrusted_forwarded = true;  // X-Forwarded-* of peers that are not trusted
  std::string proxy_protocol = "off";     // off | v1 | v2 | auto
  std::vector<std::string> proxy_allow_ips;  // who may send a PROXY header
  std::string request_id_header = "X-Request-ID";
  bool request_uri = true;                // REQUEST_URI beside RAW_URI
  std::string server_header = "monodon";  // "" sends no Server field
  bool sendfile = true;
  bool early_hints = false;           // offer wsgi.early_hints
  std::string hop_by_hop = "refuse";  // refuse | drop

  // Files that are served without the application, and development
  std::vector<std::string> static_files;  // "/static=directory"
  bool reload = false;       // a watcher wants to know the files of modules
  bool development = false;  // the terminal is the application's

  // Logs
  std::string access_log;                    // path, "-" for stdout, "" for none
  std::string access_log_format;             // Gunicorn's language, or "json"
  std::vector<std::string> access_log_skip;  // paths
  std::string error_log = "-";               // path, "-" for stderr
  std::string error_log_format = "auto";     // auto | text | json | journald
  std::string log_level = "info";
  std::string application_output = "stderr";  // stderr | all | off: to error_log
  bool log_exceptions = false;                // those that Django answers with 500
  bool syslog = false;
  std::string syslog_addr = "udp://localhost:514";
  std::string syslog_facility = "user";
  std::string syslog_prefix;  // "": the name
  bool disable_redirect_access_to_syslog = false;
  std::string statsd_host;  // "" for none
  std::string statsd_prefix;
  std::string dogstatsd_tags;
};

}  // namespace monodon::worker

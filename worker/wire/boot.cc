// SPDX-License-Identifier: Apache-2.0
// The boot message as JSON, and back.
#include "worker/wire/boot.h"

#include <nlohmann/json.hpp>

namespace monodon::worker {

// More than the macros of the library take.
// clang-format off
#define MONODON_SETTINGS(X)                                                           \
  X(application) X(interface) X(lifespan) X(directory) X(python_path) X(environment)    \
  X(preload) X(learned_imports) X(warm_up) X(health_check) X(pre_fork) X(post_fork)   \
  X(pre_stop) X(name) X(workers) X(threads) X(request_timeout) X(slow_request)        \
  X(graceful_timeout) X(header_timeout) X(body_timeout) X(write_timeout)              \
  X(keepalive) X(max_requests) X(max_requests_jitter) X(max_lifetime) X(max_memory)   \
  X(limit_request_line) X(limit_request_fields) X(limit_request_field_size)           \
  X(limit_request_body) X(body_memory) X(response_memory) X(spool_directory)          \
  X(spool_limit) X(websocket_max_message) X(websocket_ping_interval)                  \
  X(websocket_ping_timeout) X(websocket_drain)                                        \
  X(forwarded_allow_ips) X(secure_scheme_headers)                                     \
  X(forwarder_headers) X(header_map) X(remote_addr_from_forwarded)                    \
  X(strip_untrusted_forwarded) X(proxy_protocol) X(proxy_allow_ips)                   \
  X(request_id_header) X(request_uri) X(server_header) X(sendfile) X(early_hints)     \
  X(hop_by_hop) X(static_files) X(reload) X(development) X(access_log)                \
  X(access_log_format) X(access_log_skip) X(error_log) X(error_log_format)            \
  X(log_level) X(application_output) X(log_exceptions) X(syslog) X(syslog_addr)       \
  X(syslog_facility) X(syslog_prefix) X(disable_redirect_access_to_syslog)            \
  X(statsd_host) X(statsd_prefix) X(dogstatsd_tags)
// clang-format on

void to_json(nlohmann::json& json, const Settings& settings) {
#define MONODON_PUT(name) json[#name] = settings.name;
  MONODON_SETTINGS(MONODON_PUT)
#undef MONODON_PUT
}

void from_json(const nlohmann::json& json, Settings& settings) {
#define MONODON_TAKE(name) json.at(#name).get_to(settings.name);
  MONODON_SETTINGS(MONODON_TAKE)
#undef MONODON_TAKE
}
#undef MONODON_SETTINGS

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListenerInfo, name, address, unix_socket, host, port)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Boot, settings, listeners, generation, reload,
                                   shared_state, learned, stored, gunicorn_conf,
                                   gunicorn_settings, workers_before, hooks_due,
                                   hooks_later, hooks_left, hooks_running, argv)

bool preloads(const Boot& boot) {
  return boot.settings.preload != "false" && boot.shared_state.empty();
}

// Hooks of a gunicorn.conf.py are no sign: those are for workers that import.
bool forks_anyway(const Boot& boot) {
  const Settings& s = boot.settings;
  return s.preload == "true" || !s.pre_fork.empty() || !s.post_fork.empty();
}

bool learns(const Boot& boot) {
  return preloads(boot) && boot.settings.learned_imports != "off";
}

std::string facts_for_hooks(const Boot& boot) {
  nlohmann::json listeners = nlohmann::json::array();
  for (const ListenerInfo& listener : boot.listeners)
    listeners.push_back(listener.address);
  return nlohmann::json{
      {"merged", nlohmann::json::parse(boot.gunicorn_settings, nullptr, false)},
      {"listeners", std::move(listeners)},
      {"interface", boot.settings.interface},
      {"workers_before", boot.workers_before}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_json(const Boot& boot) {
  return nlohmann::json(boot).dump(-1, ' ', false,
                                   nlohmann::json::error_handler_t::replace);
}

Result<Boot> boot_from_json(std::string_view json) {
  try {
    return nlohmann::json::parse(json).get<Boot>();
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string{"read boot message: "} + e.what(), 0};
  }
}

}  // namespace monodon::worker

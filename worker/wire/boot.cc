// SPDX-License-Identifier: Apache-2.0
// The boot message as JSON, and back.
#include "worker/wire/boot.h"

#include <nlohmann/json.hpp>

namespace monodon::worker {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(
    Settings, application, directory, python_path, environment, preload,
    learned_imports, warm_up, health_check, pre_fork, post_fork, pre_stop, name,
    workers, threads, request_timeout, slow_request, graceful_timeout, header_timeout,
    body_timeout, write_timeout, keepalive, max_requests, max_requests_jitter,
    max_lifetime, max_memory, limit_request_line, limit_request_fields,
    limit_request_field_size, limit_request_body, body_memory, response_memory,
    spool_directory, spool_limit, forwarded_allow_ips, secure_scheme_headers,
    forwarder_headers, header_map, remote_addr_from_forwarded,
    strip_untrusted_forwarded, request_id_header, request_uri, server_header, sendfile,
    early_hints, hop_by_hop, static_files, reload, development, access_log,
    access_log_format, error_log, error_log_format, log_level, application_output,
    log_exceptions)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListenerInfo, name, address, unix_socket, host, port)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Boot, settings, listeners, generation, reload,
                                   shared_state, learned, stored, gunicorn_conf,
                                   gunicorn_settings, argv)

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
      {"listeners", std::move(listeners)}}
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

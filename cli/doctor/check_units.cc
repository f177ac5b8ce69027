// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the units of systemd.
#include <fmt/format.h>

#include <algorithm>

#include "base/text/number.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> all;
  std::size_t at = 0;
  while ((at = list.find_first_not_of(' ', at)) != std::string::npos) {
    const std::size_t end = std::min(list.find(' ', at), list.size());
    all.push_back(list.substr(at, end - at));
    at = end;
  }
  return all;
}

Found socket_unit_missing(const Evidence& e) {
  const std::string state = property(e.socket, "LoadState");
  if (!is_loaded(e.service) || (!state.empty() && state != "not-found")) return {};
  return Finding{
      fmt::format("there is no socket unit for {}: the server makes the socket itself, "
                  "and while it restarts nginx answers 502",
                  e.service_name),
      fmt::format("`monodon init {}` writes {}.socket; systemctl enable --now it",
                  e.site, e.site)};
}

Found socket_not_enabled(const Evidence& e) {
  const std::string state = property(e.socket, "UnitFileState");
  if (!is_loaded(e.socket) || state.empty() || state.starts_with("enabled")) return {};
  return Finding{
      fmt::format("{} is {}: after the next boot nobody listens", e.socket_name, state),
      fmt::format("systemctl enable {}", e.socket_name)};
}

Found socket_not_active(const Evidence& e) {
  const std::string state = property(e.socket, "ActiveState");
  if (!e.live || !is_loaded(e.socket) || state == "active" || state.empty()) return {};
  const std::string result = property(e.socket, "Result");
  // Closed with its service, it opens for good only when that can start.
  const bool gave_up = keeps_failing(e.service);
  return Finding{
      fmt::format("{} is {}{}: systemd does not listen, there is no socket{}",
                  e.socket_name, state,
                  result.empty() || result == "success" ? "" : " (" + result + ")",
                  gave_up ? ", since the service cannot start" : ""),
      gave_up ? "see service-failed"
              : fmt::format("systemctl start {0}; if that fails: journalctl -u {0}",
                            e.socket_name)};
}

Found socket_accepts(const Evidence& e) {
  if (property(e.socket, "Accept") != "yes") return {};
  return Finding{
      fmt::format(
          "Accept=yes in {}: systemd would start a service for each connection, "
          "{}, and not pass the socket to {}",
          e.socket_name,
          e.socket_name.substr(0, e.socket_name.rfind('.')) + "@.service",
          e.service_name),
      fmt::format("in [Socket] of {}: Accept=no", e.socket_name)};
}

Found socket_kind(const Evidence& e) {
  const std::string listen = property(e.socket, "Listen");
  const std::string name = property(e.socket, "FileDescriptorName");
  if (listen.find("(Datagram)") != std::string::npos ||
      listen.find("(SequentialPacket)") != std::string::npos) {
    return Finding{fmt::format("{} makes no stream socket ({}): nginx cannot connect",
                               e.socket_name, listen),
                   fmt::format("in [Socket] of {}: ListenDatagram=, "
                               "ListenSequentialPacket=, ListenStream={}",
                               e.socket_name, e.listen)};
  }
  if (name != "metrics" && name != "control") return {};
  return Finding{
      fmt::format(
          "FileDescriptorName={} in {}: the server takes the socket for that of "
          "its {}, and serves no site there",
          name, e.socket_name, name == "metrics" ? "metrics" : "commands"),
      fmt::format("in [Socket] of {}: FileDescriptorName=http", e.socket_name)};
}

Found backlog_short(const Evidence& e) {
  const auto backlog = parse_number(property(e.socket, "Backlog"));
  constexpr std::uint64_t kFewConnections = 64;
  if (!backlog || *backlog >= kFewConnections) return {};
  return Finding{
      fmt::format("Backlog={} in {}: no more connections than that can wait; nginx "
                  "answers the others 502, \"Resource temporarily unavailable\"",
                  *backlog, e.socket_name),
      fmt::format("in [Socket] of {}: Backlog=4096", e.socket_name)};
}

Found proxy_user_unknown(const Evidence& e) {
  if (e.proxy_known) return {};
  return Finding{
      fmt::format(
          "{} gives the socket to {}:{}, which is no user or group here: systemd "
          "cannot make the socket",
          e.socket_name, property(e.socket, "SocketUser"),
          property(e.socket, "SocketGroup")),
      fmt::format("SocketUser= and SocketGroup= must be whom nginx runs as, here {}",
                  e.nginx.exists ? e.nginx.name : "www-data or nginx")};
}

Found runtime_directory_shared(const Evidence& e) {
  for (const std::string& mine : words(property(e.service, "RuntimeDirectory"))) {
    const bool holds = e.listen.starts_with("/run/" + mine + "/");
    const bool both = has_word(property(e.socket, "RuntimeDirectory"), mine);
    if (!is_loaded(e.socket) || (!holds && !both)) continue;
    return Finding{
        fmt::format("RuntimeDirectory={} stands in {} and holds the socket: when the "
                    "service stops, systemd removes the directory and the socket in it",
                    mine, e.service_name),
        fmt::format("leave it to {} alone; give the service a directory of another "
                    "name, RuntimeDirectory=monodon-{}",
                    e.socket_name, e.site)};
  }
  return {};
}

Found requires_missing(const Evidence& e) {
  if (!is_loaded(e.service) || !is_loaded(e.socket)) return {};
  if (has_word(property(e.service, "Requires"), e.socket_name) ||
      has_word(property(e.service, "Sockets"), e.socket_name)) {
    return {};
  }
  return Finding{
      fmt::format(
          "{} does not require {}: started by hand it would make a socket of its "
          "own",
          e.service_name, e.socket_name),
      fmt::format("in [Unit] of {}: Requires={}", e.service_name, e.socket_name)};
}

Found after_missing(const Evidence& e) {
  if (!is_loaded(e.service) || !is_loaded(e.socket) ||
      has_word(property(e.service, "After"), e.socket_name)) {
    return {};
  }
  return Finding{
      fmt::format("{} is not ordered after {}: at boot it may start without "
                  "the socket",
                  e.service_name, e.socket_name),
      fmt::format("in [Unit] of {}: After={}", e.service_name, e.socket_name)};
}

Found same_path_twice(const Evidence& e) {
  if (!e.rivals.empty()) {
    return Finding{
        fmt::format("{} listens on {} too: whoever comes last takes it from the other",
                    e.rivals[0].socket, e.listen),
        // Its service holds the socket as well.
        fmt::format("systemctl disable --now {} {}; then {}", e.rivals[0].socket,
                    e.rivals[0].service, restart_command(e))};
  }
  if (!is_loaded(e.service) || !is_loaded(e.socket) || e.listen.empty()) return {};
  const std::string triggers = property(e.socket, "Triggers");
  if (triggers.empty() || has_word(triggers, e.service_name)) return {};
  return Finding{
      fmt::format("{} listens on {} for {}, and {} binds the same path: whoever comes "
                  "last takes it from the other",
                  e.socket_name, e.listen, triggers, e.service_name),
      fmt::format("in [Socket] of {}: Service={}, or another path", e.socket_name,
                  e.service_name)};
}

Found kill_mode(const Evidence& e) {
  const std::string mode = property(e.service, "KillMode");
  if (!is_loaded(e.service) || mode == "process") return {};
  const char* what =
      "SIGTERM goes to the workers too, which then leave before their master has "
      "handed their connections on";
  if (mode == "none") what = "a master that hangs is never ended";
  if (mode == "mixed")
    what =
        "when the master dies, its workers are killed with the requests that they run";
  return Finding{
      fmt::format("KillMode={}: {}", mode.empty() ? "control-group" : mode, what),
      fmt::format("in [Service] of {}: KillMode=process", e.service_name)};
}

// With Type=notify the server asks for the time that its requests need
// (EXTEND_TIMEOUT_USEC of sd_notify(3)).
Found stop_timeout_short(const Evidence& e) {
  if (!is_loaded(e.service) || !e.settings) return {};
  if (property(e.service, "Type").starts_with("notify")) return {};
  const auto stop = systemd_span(property(e.service, "TimeoutStopUSec"));
  const std::uint64_t graceful = e.settings->worker.graceful_timeout;
  if (!stop || *stop == 0 || *stop > graceful) return {};
  return Finding{
      fmt::format("TimeoutStopSec={} is not longer than graceful_timeout, {}: requests "
                  "are killed that had time to finish",
                  format_duration_ms(*stop), format_duration_ms(graceful)),
      fmt::format("in [Service] of {}: TimeoutStopSec={}", e.service_name,
                  graceful / 1000 + 15)};
}

Found start_timeout_short(const Evidence& e) {
  if (!is_loaded(e.service) || !e.settings) return {};
  const auto start = systemd_span(property(e.service, "TimeoutStartUSec"));
  const std::uint64_t boot = e.settings->boot_timeout;
  if (!start || *start == 0 || *start > boot) return {};
  return Finding{
      fmt::format("TimeoutStartSec={} is not longer than boot_timeout, {}: a "
                  "slow import is killed without a word of ours",
                  format_duration_ms(*start), format_duration_ms(boot)),
      fmt::format("in [Service] of {}: TimeoutStartSec={}", e.service_name,
                  boot / 1000 + 30)};
}

Found not_notify(const Evidence& e) {
  const std::string type = property(e.service, "Type");
  if (!is_loaded(e.service) || type.starts_with("notify")) return {};
  return Finding{
      fmt::format("Type={}: systemd takes the site for started before a worker "
                  "serves, and a failed start for a good one",
                  type.empty() ? "simple" : type),
      fmt::format("in [Service] of {}: Type=notify", e.service_name)};
}

Found another_program(const Evidence& e) {
  const std::string command = property(e.service, "ExecStart");
  if (!is_loaded(e.service) || command.empty() ||
      command.find("monodon") != std::string::npos) {
    return {};
  }
  return Finding{
      fmt::format("{} runs another program: {}", e.service_name,
                  command.substr(0, command.find(" ; "))),
      fmt::format("`monodon import --unit` translates a unit of Gunicorn; see "
                  "systemctl cat {}",
                  e.service_name)};
}

Found needs_daemon_reload(const Evidence& e) {
  // Of one that cannot be used, unit-not-loaded tells.
  const auto bad = [](const Properties& unit) {
    return property(unit, "LoadState") == "bad-setting";
  };
  if (bad(e.service) || bad(e.socket)) return {};
  if (property(e.service, "NeedDaemonReload") != "yes" &&
      property(e.socket, "NeedDaemonReload") != "yes") {
    return {};
  }
  return Finding{"a unit file has changed since systemd read it",
                 "systemctl daemon-reload; then restart what has changed"};
}

// Of a service that nobody but its socket starts again: at once, and 20 times in 2 s.
Found trigger_limit(const Evidence& e) {
  if (property(e.socket, "Result") != "trigger-limit-hit") return {};
  return Finding{
      "the site could not start while requests waited, its socket started it again and "
      "again, and systemd closed the socket; it stays closed when the cause is mended",
      fmt::format("in [Service] of {}: Restart=always and RestartSec=1s",
                  e.service_name)};
}

Found start_limit(const Evidence& e) {
  const std::string interval = property(e.service, "StartLimitIntervalUSec");
  if (!is_loaded(e.service) || !is_loaded(e.socket) || interval.empty() ||
      interval == "0") {
    return {};
  }
  // The service may keep the result of its last start; its socket says why it closed.
  const bool happened = property(e.service, "Result") == "start-limit-hit" ||
                        property(e.socket, "Result") == "service-start-limit-hit";
  const std::string burst = property(e.service, "StartLimitBurst");
  return Finding{
      fmt::format("StartLimitIntervalSec={}: when the site cannot start while requests "
                  "wait, systemd gives up after {} starts and closes the socket; it "
                  "stays closed when the code is mended",
                  interval, burst.empty() ? "5" : burst),
      fmt::format("in [Unit] of {}: StartLimitIntervalSec=0", e.service_name),
      happened ? std::optional{Weight::error} : std::nullopt};
}

Found oom_stops_all(const Evidence& e) {
  if (!is_loaded(e.service) || property(e.service, "OOMPolicy") != "stop") return {};
  return Finding{"OOMPolicy=stop: one worker that runs out of memory stops the site",
                 fmt::format("in [Service] of {}: OOMPolicy=continue", e.service_name)};
}

constexpr Check kUnitsChecks[] = {
    {"socket-unit-missing", Weight::warning, "a socket unit", socket_unit_missing},
    {"socket-not-enabled", Weight::warning, "the socket at boot", socket_not_enabled},
    {"socket-accept", Weight::error, "Accept=no", socket_accepts},
    {"socket-kind", Weight::error, "a stream socket for the site", socket_kind},
    {"socket-not-active", Weight::error, "a socket that listens", socket_not_active,
     Kind::effect},
    {"proxy-user-unknown", Weight::error, "the socket's owner", proxy_user_unknown},
    {"runtime-directory-shared", Weight::error,
     "a service that removes the directory of the socket", runtime_directory_shared},
    {"requires-missing", Weight::warning, "Requires= of the socket", requires_missing},
    {"after-missing", Weight::warning, "After= of the socket", after_missing},
    {"same-path-twice", Weight::error, "two that bind one path", same_path_twice},
    {"backlog-short", Weight::warning, "room for those who wait", backlog_short},
    {"kill-mode", Weight::warning, "KillMode=process", kill_mode},
    {"stop-timeout-short", Weight::warning, "time to stop", stop_timeout_short},
    {"start-timeout-short", Weight::warning, "time to start", start_timeout_short},
    {"not-notify", Weight::warning, "Type=notify", not_notify},
    {"another-program", Weight::warning, "our program in ExecStart=", another_program},
    {"needs-daemon-reload", Weight::warning, "changed unit files", needs_daemon_reload},
    {"start-limit", Weight::warning, "StartLimitIntervalSec=0", start_limit},
    {"trigger-limit", Weight::error, "Restart=always", trigger_limit},
    {"oom-stops-all", Weight::warning, "OOMPolicy=continue", oom_stops_all},
};

}  // namespace

std::span<const Check> unit_checks() {
  return kUnitsChecks;
}

}  // namespace monodon::cli

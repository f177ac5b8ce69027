// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the units of systemd.
#include <fmt/format.h>

#include <algorithm>

#include "base/number.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

bool there(const Properties& unit) {
  return property(unit, "LoadState") == "loaded";
}

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

Found service_missing(const Evidence& e) {
  if (there(e.service)) return {};
  return Finding{
      fmt::format("there is no unit {} that systemd could load", e.service_name),
      fmt::format("`monodon init {}` writes one; then systemctl daemon-reload",
                  e.site)};
}

Found socket_unit_missing(const Evidence& e) {
  if (!there(e.service) || there(e.socket)) return {};
  return Finding{
      fmt::format("there is no socket unit for {}: the server makes the socket itself, "
                  "and while it restarts nginx answers 502",
                  e.service_name),
      fmt::format("`monodon init {}` writes {}.socket; systemctl enable --now it",
                  e.site, e.site)};
}

Found socket_not_enabled(const Evidence& e) {
  const std::string state = property(e.socket, "UnitFileState");
  if (!there(e.socket) || state.empty() || state.starts_with("enabled")) return {};
  return Finding{
      fmt::format("{} is {}: after the next boot nobody listens", e.socket_name, state),
      fmt::format("systemctl enable {}", e.socket_name)};
}

Found socket_not_active(const Evidence& e) {
  const std::string state = property(e.socket, "ActiveState");
  if (!e.live || !there(e.socket) || state == "active" || state.empty()) return {};
  const std::string result = property(e.socket, "Result");
  return Finding{
      fmt::format("{} is {}{}: systemd does not listen, there is no socket",
                  e.socket_name, state,
                  result.empty() || result == "success" ? "" : " (" + result + ")"),
      fmt::format("systemctl start {0}; if that fails: journalctl -u {0}",
                  e.socket_name)};
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

Found service_failed(const Evidence& e) {
  if (!keeps_failing(e.service)) return {};
  const std::string result = property(e.service, "Result");
  const bool again = property(e.service, "ActiveState") == "activating";
  std::string why =
      again ? fmt::format(
                  "{} cannot start, and is started again and again ({} times): "
                  "requests wait at the socket until nginx answers 504",
                  e.service_name, property(e.service, "NRestarts"))
            : fmt::format("{} failed ({}, status {})", e.service_name, result,
                          property(e.service, "ExecMainStatus"));
  if (result == "start-limit-hit") {
    why += ": it was started too often, and systemd gave up";
  }
  if (const std::string said = property(e.service, "StatusText");
      said.starts_with("cannot start: ")) {
    why += "; its last words: " + said;
  }
  return Finding{why,
                 fmt::format("journalctl -u {0} says why; then systemctl reset-failed "
                             "{0} {1} && systemctl start {1}",
                             e.service_name, e.socket_name)};
}

Found runtime_directory_shared(const Evidence& e) {
  for (const std::string& mine : words(property(e.service, "RuntimeDirectory"))) {
    const bool holds = e.listen.starts_with("/run/" + mine + "/");
    const bool both = has_word(property(e.socket, "RuntimeDirectory"), mine);
    if (!there(e.socket) || (!holds && !both)) continue;
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
  if (!there(e.service) || !there(e.socket)) return {};
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
  if (!there(e.service) || !there(e.socket) ||
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
                    e.rivals[0], e.listen),
        fmt::format("systemctl disable --now {}; then systemctl restart {} {}",
                    e.rivals[0], e.socket_name, e.service_name)};
  }
  if (!there(e.service) || !there(e.socket) || e.listen.empty()) return {};
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
  if (!there(e.service) || mode == "process") return {};
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

Found stop_timeout_short(const Evidence& e) {
  if (!there(e.service) || !e.settings) return {};
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
  if (!there(e.service) || !e.settings) return {};
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
  if (!there(e.service) || type.starts_with("notify")) return {};
  return Finding{
      fmt::format("Type={}: systemd takes the site for started before a worker "
                  "serves, and a failed start for a good one",
                  type.empty() ? "simple" : type),
      fmt::format("in [Service] of {}: Type=notify", e.service_name)};
}

Found another_program(const Evidence& e) {
  const std::string command = property(e.service, "ExecStart");
  if (!there(e.service) || command.empty() ||
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
  if (property(e.service, "NeedDaemonReload") != "yes" &&
      property(e.socket, "NeedDaemonReload") != "yes") {
    return {};
  }
  return Finding{"a unit file has changed since systemd read it",
                 "systemctl daemon-reload; then restart what has changed"};
}

Found start_limit(const Evidence& e) {
  const std::string interval = property(e.service, "StartLimitIntervalUSec");
  if (!there(e.service) || !there(e.socket) || interval.empty() || interval == "0") {
    return {};
  }
  return Finding{
      fmt::format("StartLimitIntervalSec={}: when the site cannot start while requests "
                  "wait, systemd gives up after {} starts and closes the socket; it "
                  "stays closed when the code is mended",
                  interval, property(e.service, "StartLimitBurst")),
      fmt::format("in [Unit] of {}: StartLimitIntervalSec=0", e.service_name)};
}

Found oom_stops_all(const Evidence& e) {
  if (!there(e.service) || property(e.service, "OOMPolicy") != "stop") return {};
  return Finding{"OOMPolicy=stop: one worker that runs out of memory stops the site",
                 fmt::format("in [Service] of {}: OOMPolicy=continue", e.service_name)};
}

constexpr Check kChecks[] = {
    {"service-missing", Weight::error, "the service's unit", service_missing},
    {"socket-unit-missing", Weight::warning, "a socket unit", socket_unit_missing},
    {"socket-not-enabled", Weight::warning, "the socket at boot", socket_not_enabled},
    {"socket-not-active", Weight::error, "a socket that listens", socket_not_active},
    {"proxy-user-unknown", Weight::error, "the socket's owner", proxy_user_unknown},
    {"service-failed", Weight::error, "a service that failed", service_failed},
    {"runtime-directory-shared", Weight::error,
     "a service that removes the directory of the socket", runtime_directory_shared},
    {"requires-missing", Weight::warning, "Requires= of the socket", requires_missing},
    {"after-missing", Weight::warning, "After= of the socket", after_missing},
    {"same-path-twice", Weight::error, "two that bind one path", same_path_twice},
    {"kill-mode", Weight::warning, "KillMode=process", kill_mode},
    {"stop-timeout-short", Weight::warning, "time to stop", stop_timeout_short},
    {"start-timeout-short", Weight::warning, "time to start", start_timeout_short},
    {"not-notify", Weight::warning, "Type=notify", not_notify},
    {"another-program", Weight::warning, "our program in ExecStart=", another_program},
    {"needs-daemon-reload", Weight::warning, "changed unit files", needs_daemon_reload},
    {"start-limit", Weight::warning, "StartLimitIntervalSec=0", start_limit},
    {"oom-stops-all", Weight::warning, "OOMPolicy=continue", oom_stops_all},
};

}  // namespace

std::span<const Check> unit_checks() {
  return kChecks;
}

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
// What doctor finds about a service that does not start: masked, not loaded, without
// what its unit names, failed.
#include <fmt/format.h>

#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

// What systemd could not do before it ran the program (systemd.exec(5), "Process Exit
// Codes").
std::string_view step_before(std::string_view status) {
  constexpr std::pair<std::string_view, std::string_view> kSteps[] = {
      {"200", "CHDIR: WorkingDirectory= cannot be entered"},
      {"203", "EXEC: the program of ExecStart= cannot be run"},
      {"208", "STDIN: StandardInput= cannot be opened"},
      {"209", "STDOUT: StandardOutput= cannot be opened"},
      {"216", "GROUP: there is no such Group="},
      {"217", "USER: there is no such User="},
      {"222", "STDERR: StandardError= cannot be opened"},
      {"226", "NAMESPACE: what ReadWritePaths= and its kin name is not there"},
      {"233", "RUNTIME_DIRECTORY: RuntimeDirectory= cannot be made"},
      {"238", "STATE_DIRECTORY: StateDirectory= cannot be made"},
      {"239", "CACHE_DIRECTORY: CacheDirectory= cannot be made"},
      {"240", "LOGS_DIRECTORY: LogsDirectory= cannot be made"},
  };
  for (const auto& [number, meaning] : kSteps)
    if (number == status) return meaning;
  return {};
}

// Result= of a service (systemd's D-Bus interface), in words.
std::string_view end_in_words(std::string_view result) {
  constexpr std::pair<std::string_view, std::string_view> kResults[] = {
      {"start-limit-hit", "it was started too often, and systemd gave up"},
      {"resources", "systemd could not prepare it"},
      {"timeout", "it took longer than systemd waits"},
      {"watchdog", "it gave no sign of life for WatchdogSec="},
      {"oom-kill", "the kernel killed it: out of memory"},
      {"protocol", "it ended before it said that it was ready"},
  };
  for (const auto& [name, words] : kResults)
    if (name == result) return words;
  return {};
}

std::string unmask(const std::string& unit) {
  return "systemctl unmask " + unit;
}

Found masked(const Evidence& e) {
  const bool service = property(e.service, "LoadState") == "masked";
  const bool socket = property(e.socket, "LoadState") == "masked";
  if (!service && !socket) return {};
  const std::string& unit = service ? e.service_name : e.socket_name;
  const std::string start = e.socket_name.empty() ? e.service_name : e.socket_name;
  return Finding{
      fmt::format("{}{} masked: systemd starts it for nobody", unit,
                  service && socket ? " and " + e.socket_name + " are" : " is"),
      fmt::format("{}{}; then systemctl reset-failed; systemctl start {}", unmask(unit),
                  service && socket ? " " + e.socket_name : "", start)};
}

Found not_loaded(const Evidence& e) {
  for (const auto& [name, unit] :
       {std::pair{&e.service_name, &e.service}, {&e.socket_name, &e.socket}}) {
    const std::string state = property(*unit, "LoadState");
    if (state != "bad-setting" && state != "error") continue;
    // LoadError is a D-Bus name and a text in quotes.
    const std::string error = property(*unit, "LoadError");
    return Finding{
        fmt::format("systemd cannot use {} ({}){}", *name, state,
                    error.empty() ? "" : ": " + error),
        fmt::format("systemd-analyze verify {0} names the line; correct it, then "
                    "systemctl daemon-reload; systemctl start {1}",
                    *name, e.socket_name.empty() ? e.service_name : e.socket_name)};
  }
  return {};
}

Found service_missing(const Evidence& e) {
  if (e.run_by == RunBy::hand || !e.service_name.size()) return {};
  const std::string state = property(e.service, "LoadState");
  if (!state.empty() && state != "not-found") return {};
  return Finding{
      fmt::format("there is no unit {} that systemd could load", e.service_name),
      fmt::format("`monodon init {}` writes one; then systemctl daemon-reload",
                  e.site)};
}

Found path_missing(const Evidence& e) {
  if (e.absent.empty()) return {};
  const AbsentPath& first = e.absent.front();
  const std::string also =
      e.absent.size() == 1
          ? ""
          : fmt::format(" (nor is {}, {}=)", e.absent[1].path, e.absent[1].directive);
  const std::string again = fmt::format(
      "; then systemctl reset-failed {0}; systemctl restart {0}", e.service_name);
  std::string remedy = fmt::format(
      "make it, or correct {}= in {} and systemctl "
      "daemon-reload",
      first.directive, e.service_name);
  if (first.directive == "EnvironmentFile")
    remedy +=
        fmt::format("; EnvironmentFile=-{} where the site can do without", first.path);
  if (first.directive == "ReadWritePaths" || first.directive == "ReadOnlyPaths")
    remedy +=
        fmt::format("; {}=-{} where it may be missing", first.directive, first.path);
  return Finding{fmt::format("{} is not there, which {}= of {} names{}: systemd cannot "
                             "start the service",
                             first.path, first.directive, e.service_name, also),
                 remedy + again};
}

Found environment_ignored(const Evidence& e) {
  if (e.ignored_lines.empty()) return {};
  const bool exports = e.ignored_lines.front().find(" export ") != std::string::npos;
  return Finding{
      fmt::format("{}: systemd ignores that line{}{}", e.ignored_lines.front(),
                  exports ? ", it is no shell that reads the file" : "",
                  e.ignored_lines.size() == 1
                      ? ""
                      : fmt::format(" (and {} more)", e.ignored_lines.size() - 1)),
      fmt::format("NAME=value, without export; then systemctl restart {}",
                  e.service_name)};
}

std::string failure(const Evidence& e) {
  if (property(e.service, "ActiveState") == "activating")
    return fmt::format(
        "{} cannot start, and is started again and again ({} times): "
        "requests wait at the socket until nginx answers 504",
        e.service_name, property(e.service, "NRestarts"));
  const std::string result = property(e.service, "Result");
  const std::string status = property(e.service, "ExecMainStatus");
  std::string why =
      fmt::format("{} failed ({}, status {})", e.service_name, result, status);
  if (const auto words = end_in_words(result); !words.empty())
    why += fmt::format(": {}", words);
  return why;
}

Found service_failed(const Evidence& e) {
  if (!keeps_failing(e.service)) return {};
  std::string why = failure(e);
  const std::string said = property(e.service, "StatusText");
  const auto step = step_before(property(e.service, "ExecMainStatus"));
  if (said.starts_with("cannot start: ")) {
    why += "; its last words: " + said;
  } else if (!e.last_words.empty()) {
    why += "; its last words: " + e.last_words;
  } else if (!step.empty()) {
    why += fmt::format("; {}", step);
  }
  // Before the program runs only systemd has something to say.
  const bool before = !step.empty() || e.last_words.starts_with("Failed ") ||
                      e.last_words.starts_with("Control process ");
  const std::string place =
      before ? "journalctl -u " + e.service_name : place_of_log(e);
  const std::string units =
      e.socket_name.empty() ? e.service_name : e.service_name + " " + e.socket_name;
  return Finding{
      why,
      fmt::format("{} has all of it; when that is mended: systemctl reset-failed {} "
                  "&& systemctl start {}",
                  place, units, e.socket_name.empty() ? e.service_name : units)};
}

constexpr Check kStartChecks[] = {
    {"unit-masked", Weight::error, "masked units", masked},
    {"unit-not-loaded", Weight::error, "units that systemd can use", not_loaded},
    {"service-missing", Weight::error, "the service's unit", service_missing},
    {"unit-path-missing", Weight::error, "what the unit names", path_missing},
    {"environment-ignored", Weight::warning, "lines of environment files",
     environment_ignored},
    {"service-failed", Weight::error, "a service that failed", service_failed,
     Kind::effect},
};

}  // namespace

std::span<const Check> start_checks() {
  return kStartChecks;
}

}  // namespace monodon::cli

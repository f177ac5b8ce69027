// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the ways to control and to watch a site: reload, the control
// socket, sockets beside that of the site, metrics.
#include <fmt/format.h>

#include "cli/doctor/diagnosis.h"
#include "cli/doctor/gather.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

std::string our_program(const Evidence& e) {
  const std::vector<std::string> words = exec_words(property(e.service, "ExecStart"));
  return words.empty() ? "monodon" : words.front();
}

bool runs_us(const Evidence& e) {
  return is_loaded(e.service) && our_program(e).ends_with("monodon");
}

Found reload_blind(const Evidence& e) {
  const std::string reload = property(e.service, "ExecReload");
  if (!runs_us(e) || reload.find("monodon reload") != std::string::npos) return {};
  const std::string how =
      reload.empty() ? "it has no ExecReload=" : "its ExecReload= only sends a signal";
  const bool impossible =
      reload.empty() && property(e.service, "Type") != "notify-reload";
  return Finding{
      fmt::format("systemctl reload {} {}: {}", e.service_name,
                  impossible ? "does not work"
                             : "says that all is well when new code is refused",
                  how),
      fmt::format("in [Service] of {}: ExecReload=, ExecReload={} reload",
                  e.service_name, our_program(e))};
}

Found no_control_socket(const Evidence& e) {
  if (!runs_us(e) || e.run_by != RunBy::system) return {};
  if (!property(e.service, "RuntimeDirectory").empty()) return {};
  if (!e.settings || !e.settings->runtime_directory.empty()) return {};
  return Finding{
      fmt::format("{} has no RuntimeDirectory=: root's monodon status, top, trace, "
                  "reload and upgrade do not find its control socket",
                  e.service_name),
      fmt::format("in [Service] of {}: RuntimeDirectory=monodon-{}, "
                  "RuntimeDirectoryMode=0750",
                  e.service_name, e.site)};
}

Found socket_waits(const Evidence& e) {
  if (e.waiting_sockets.empty()) return {};
  const std::string& name = e.waiting_sockets.front();
  const bool pulled_in = has_word(property(e.service, "Wants"), name);
  return Finding{
      fmt::format("{} is enabled and does not listen: systemd starts no socket of a "
                  "service that runs",
                  name),
      pulled_in ? fmt::format("systemctl restart {}", e.service_name)
                : fmt::format("systemctl stop {0} && systemctl start {1} {0} (requests "
                              "wait at the socket of the site meanwhile)",
                              e.service_name, name)};
}

Found metrics_taken(const Evidence& e) {
  const std::string& by = e.metrics.holder;
  if (by.empty()) return {};
  return Finding{
      fmt::format(
          "{} has {}, where this site would listen for metrics: it has none, and "
          "what is scraped there is another's",
          by, e.metrics.address),
      fmt::format("metrics_bind: 127.0.0.1:9118, or another free port, in the settings "
                  "of {}; then systemctl restart {}",
                  e.site, e.service_name)};
}

Found metrics_unix(const Evidence& e) {
  if (!e.metrics.address.starts_with("unix:/") || e.metrics.routed) return {};
  return Finding{
      fmt::format(
          "metrics are at {}, and nginx passes nothing there: Prometheus itself "
          "cannot scrape a Unix socket",
          e.metrics.address),
      fmt::format(
          "in a server of nginx: location = /metrics {{ allow 127.0.0.1; deny "
          "all; proxy_pass http://{}:/metrics; proxy_set_header Host localhost; "
          "}}, if its user may enter that directory",
          e.metrics.address)};
}

constexpr Check kControlChecks[] = {
    {"reload-blind", Weight::warning, "a reload that can fail", reload_blind},
    {"no-control-socket", Weight::warning, "a place for the control socket",
     no_control_socket},
    {"socket-waits", Weight::warning, "sockets for metrics and commands", socket_waits},
    {"metrics-taken", Weight::warning, "an address of its own for metrics",
     metrics_taken},
    {"metrics-unix", Weight::note, "metrics that can be scraped", metrics_unix},
};

}  // namespace

std::span<const Check> control_checks() {
  return kControlChecks;
}

}  // namespace monodon::cli

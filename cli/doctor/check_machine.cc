// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the machine: memory, limits, the kernel.
#include <fmt/format.h>

#include "base/text/number.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

constexpr std::uint64_t kFewDescriptors = 1024;

Found backlog_capped(const Evidence& e) {
  const auto backlog = parse_number(property(e.socket, "Backlog"));
  // systemd's own default is 4294967295: as much as there is.
  if (!backlog || e.somaxconn == 0 || *backlog <= e.somaxconn || *backlog > 1 << 30) {
    return {};
  }
  return Finding{
      fmt::format("Backlog={} of {} is cut to {} by net.core.somaxconn", *backlog,
                  e.socket_name, e.somaxconn),
      fmt::format("sysctl net.core.somaxconn={} (and in /etc/sysctl.d)", *backlog)};
}

Found few_descriptors(const Evidence& e) {
  const auto limit = parse_number(property(e.service, "LimitNOFILE"));
  if (!limit || *limit >= kFewDescriptors) return {};
  return Finding{fmt::format("LimitNOFILE={}: each connection, file and database takes "
                             "a descriptor",
                             *limit),
                 fmt::format("in [Service] of {}: LimitNOFILE=65536", e.service_name)};
}

Found few_tasks(const Evidence& e) {
  const auto limit = parse_number(property(e.service, "TasksMax"));
  if (!limit || !e.settings) return {};
  // Master, exporter and zygote; each worker with its keeper; twice while workers are
  // replaced.
  const std::uint64_t workers = e.settings->workers + e.settings->max_surge;
  const std::uint64_t needed = workers * (e.settings->worker.threads + 2) + 16;
  if (*limit >= needed) return {};
  return Finding{
      fmt::format("TasksMax={} is less than the {} that {} workers with {} "
                  "threads need",
                  *limit, needed, e.settings->workers, e.settings->worker.threads),
      fmt::format("in [Service] of {}: TasksMax={}", e.service_name, needed * 2)};
}

Found denied(const Evidence& e) {
  if (e.denials.empty()) return {};
  return Finding{
      fmt::format(
          "SELinux or AppArmor forbids something ({} times lately), the last: {}",
          e.denials.size(), e.denials.back()),
      "for nginx and a Unix socket under SELinux: semanage fcontext -a -t "
      "httpd_var_run_t "
      "'/run/DIRECTORY(/.*)?' && restorecon -R; under AppArmor: aa-logprof"};
}

Found settings_broken(const Evidence& e) {
  if (e.settings_problems.empty()) return {};
  return Finding{
      fmt::format("the settings cannot be used: {}{}", e.settings_problems[0],
                  e.settings_problems.size() > 1
                      ? fmt::format(" (and {} more)", e.settings_problems.size() - 1)
                      : ""),
      "monodon check tells all of them; a running server keeps the settings it has"};
}

Found settings_doubtful(const Evidence& e) {
  if (e.settings_warnings.empty()) return {};
  return Finding{e.settings_warnings[0], "monodon check tells all warnings"};
}

constexpr Check kMachineChecks[] = {
    {"backlog-capped", Weight::warning, "somaxconn", backlog_capped},
    {"few-descriptors", Weight::warning, "LimitNOFILE=", few_descriptors},
    {"few-tasks", Weight::error, "TasksMax=", few_tasks},
    {"denied", Weight::error, "SELinux and AppArmor", denied},
    {"settings-broken", Weight::error, "the settings", settings_broken},
    {"settings-doubtful", Weight::warning, "warnings about settings",
     settings_doubtful},
};

}  // namespace

std::span<const Check> machine_checks() {
  return kMachineChecks;
}

}  // namespace monodon::cli

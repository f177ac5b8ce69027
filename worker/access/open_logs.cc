// SPDX-License-Identifier: Apache-2.0
// What master and zygote write to, and count with.
#include "worker/access/open_logs.h"

#include <algorithm>

#include "base/log/log.h"
#include "base/net/statsd.h"

namespace monodon::worker {

std::string wrong_syslog_address(const Settings& settings) {
  return settings.syslog ? Syslog::wrong_address(settings.syslog_addr) : "";
}

std::string wrong_syslog_facility(const Settings& settings) {
  return settings.syslog ? Syslog::wrong_facility(settings.syslog_facility) : "";
}

Syslog::Options syslog_options(const Settings& settings, const char* which) {
  if (!settings.syslog) return {};
  std::string name =
      settings.syslog_prefix.empty() ? settings.name : settings.syslog_prefix;
  if (settings.syslog_prefix.empty()) std::ranges::replace(name, ':', '.');
  return {settings.syslog_addr, settings.syslog_facility,
          "gunicorn." + name + "." + which};
}

Outcome open_logs(const Settings& settings) {
  log::Options options{settings.error_log, settings.error_log_format,
                       settings.log_level};
  options.syslog = syslog_options(settings, "error");
  if (auto opened = log::open(options); !opened) return opened;
  const auto counts = statsd::open(
      {settings.statsd_host, settings.statsd_prefix, settings.dogstatsd_tags});
  if (!counts)
    log::warning("metrics are not sent: " + counts.error().message(),
                 {log::Id::configuration_warning});
  return ok();
}

}  // namespace monodon::worker

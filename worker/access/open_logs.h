// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log/syslog.h"
#include "base/result.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// Opens the error log of this process as the settings say, with syslog beside it, and
// its metrics to statsd. Master and zygote, one thread; workers inherit both. A statsd
// host that is not found is told and costs the metrics alone.
Outcome open_logs(const Settings& settings);

// What is wrong with the settings of syslog; "" for nothing.
[[nodiscard]] std::string wrong_syslog_address(const Settings& settings);
[[nodiscard]] std::string wrong_syslog_facility(const Settings& settings);

// For lines of "error" or "access"; no address where syslog is not wanted.
[[nodiscard]] Syslog::Options syslog_options(const Settings& settings,
                                             const char* which);

}  // namespace monodon::worker

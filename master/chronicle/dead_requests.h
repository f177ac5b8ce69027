// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "master/fleet/obituary.h"
#include "worker/wire/settings.h"

namespace monodon::master {

// Writes the access-log lines that a worker owes when it dies: one for each request it
// ran, with "-" for the status, since nobody knows what the client got. What the page
// says is foreign text and escaped as such. The log is opened for each call: deaths are
// rare, and logrotate may have been there since the last.
void log_dead_requests(const worker::Settings& settings,
                       const std::vector<LastRequest>& running);

}  // namespace monodon::master

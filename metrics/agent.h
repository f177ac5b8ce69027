// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "metrics/observation/health.h"

namespace monodon::metrics {

// What HAProxy's agent-check is told: HAProxy's configuration manual, section 5.2,
// "agent-check". "ready" and "up" take back an earlier "drain" and "down".
struct AgentSight {
  Verdict ready;  // without saturation
  bool stopping = false;
  double saturation = 0;  // 0 to 1
  bool refused = false;   // the last reload was
  bool drain_refused = false;
};

// One line with its newline. Pure.
[[nodiscard]] std::string agent_line(const AgentSight& sight);

// Listens at "127.0.0.1:9118" or "[::1]:9118": numbers, no names. Non-blocking.
[[nodiscard]] Result<UniqueFd> listen_for_agents(const std::string& address);

// Gives each client that waits at `listener` the line, and closes. Never waits: a line
// fits into any socket's buffer.
void answer_agents(int listener, std::string_view line);

}  // namespace monodon::metrics

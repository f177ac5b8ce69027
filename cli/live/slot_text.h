// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/live/server_status.h"

namespace monodon::cli {

// How status, top and trace say the same things. What came from clients is escaped:
// no text holds a byte that a terminal would obey. Pure.

[[nodiscard]] std::string spell_seconds(double seconds);     // "1.3s", "17m"
[[nodiscard]] std::string spell_bytes(std::uint64_t bytes);  // "12.5M"; "-" for 0
[[nodiscard]] double seconds_since(std::uint64_t then_ns, std::uint64_t now_ns);

// That of the slot; a worker that serves tells by itself whether it is busy or idle.
[[nodiscard]] std::string state_of(const SlotStatus& slot);

// "  queue 3/511 at unix:/run/site.sock" for each listener.
[[nodiscard]] std::string queue_text(const ServerStatus& status);

// False: a place that no worker ever took. There is always room for a worker more than
// wanted, for the time of a reload.
[[nodiscard]] bool ever_used(const SlotStatus& slot);

// "1.3s  GET /path  from 192.0.2.7".
[[nodiscard]] std::string running_text(const scoreboard::ThreadReport& thread,
                                       std::uint64_t now_ns);
// A line for each thread at work.
[[nodiscard]] std::vector<std::string> running(const SlotStatus& slot,
                                               std::uint64_t now_ns);

}  // namespace monodon::cli

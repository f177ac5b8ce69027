// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/live/server_status.h"

namespace monodon::cli {

// How status, top and trace say the same things. What came from clients is escaped:
// no text holds a byte that a terminal would obey. Pure.

[[nodiscard]] std::string spell_seconds(double seconds);     // "1.3 s", "17 min"
[[nodiscard]] std::string spell_bytes(std::uint64_t bytes);  // "12.5 MiB"; "-" for 0
// "12:31:05 (4 min ago)", with the date if it was not within the last day.
[[nodiscard]] std::string spell_moment(std::int64_t unix_seconds);
[[nodiscard]] std::string spell_rate(double per_second);  // "12.3", "130k"
[[nodiscard]] std::string spell_latency(
    double seconds);  // "0.4 ms", "2.1 s"; "-" if < 0
[[nodiscard]] double seconds_since(std::uint64_t then_ns, std::uint64_t now_ns);

// That of the slot; a worker that serves tells by itself whether it is busy or idle.
[[nodiscard]] std::string state_of(const SlotStatus& slot);

// Connections that workers have accepted and that no thread is free for.
[[nodiscard]] std::uint64_t waiting_inside(const ServerStatus& status);

// "  queue 3/511 at unix:/run/site.sock" for each listener, "  2 waiting in workers".
[[nodiscard]] std::string queue_text(const ServerStatus& status);

// False: a place that no worker ever took. There is always room for a worker more than
// wanted, for the time of a reload.
[[nodiscard]] bool ever_used(const SlotStatus& slot);

// Workers that accept requests now; threads that run one, of all that could.
struct Strength {
  std::size_t serving = 0;
  std::size_t threads = 0;
  std::size_t busy = 0;
  double oldest = 0;  // seconds, of the request that has run longest
};
[[nodiscard]] Strength strength_of(const ServerStatus& status);

// "1.3 s  GET /path  from 192.0.2.7".
[[nodiscard]] std::string running_text(const scoreboard::ThreadReport& thread,
                                       std::uint64_t now_ns);
// A line for each thread at work.
[[nodiscard]] std::vector<std::string> running(const SlotStatus& slot,
                                               std::uint64_t now_ns);

}  // namespace monodon::cli

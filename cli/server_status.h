// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/control_client.h"
#include "scoreboard/board_view.h"
#include "scoreboard/view.h"

namespace monodon::cli {

// One slot: what the master says for certain, and what its worker's page says.
struct SlotStatus {
  std::uint32_t slot = 0;
  std::string state;         // master::State by name, or "resting"
  std::uint32_t serial = 0;  // 0: no process
  std::uint32_t generation = 0;
  std::int64_t pid = 0;  // 0: none
  double age = 0;        // seconds since the process was asked for
  double next_try = 0;   // seconds; resting
  std::uint64_t starts = 0;
  std::uint64_t failures = 0;                    // in a row
  std::optional<scoreboard::WorkerReport> page;  // of this very worker
  scoreboard::Totals totals;  // of every worker that was ever in this slot
  std::uint64_t memory = 0;   // PSS, bytes; 0: not known
};

struct ServerStatus {
  std::string version;
  std::int64_t pid = 0;
  std::string application;
  std::uint32_t generation = 0;
  std::uint32_t candidate = 0;  // being imported; 0: none
  std::uint32_t workers = 0;    // wanted
  bool stopping = false;
  scoreboard::BoardReport board;
  std::vector<SlotStatus> slots;
  std::uint64_t now_ns = 0;  // CLOCK_MONOTONIC
};

// Puts the answer to {"op":"status"} together with the pages behind its descriptors
// and, if the pids can be looked up, the memory of the workers. An Error: not such an
// answer.
Result<ServerStatus> read_status(const Answer& answer);

// For people: a table, no wider than the texts need. For programs: one JSON object with
// a newline. Both are safe to print whatever clients and workers wrote. Pure.
std::string status_table(const ServerStatus& status);
std::string status_json(const ServerStatus& status);

}  // namespace monodon::cli

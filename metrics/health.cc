// SPDX-License-Identifier: Apache-2.0
#include "metrics/health.h"

#include <fmt/format.h>

namespace monodon::metrics {
namespace {

// Master and keepers beat once a second; a busy machine may delay them.
constexpr std::uint64_t kPatienceNs = 10'000'000'000;

bool lives(const SlotSight& slot, std::uint64_t now_ns) {
  if (slot.row.state != scoreboard::SlotState::serving) return false;
  // Its page is on its way to us: it has only just begun.
  if (!slot.page) return true;
  if (slot.page->state == scoreboard::WorkerState::hanging) return false;
  return scoreboard::age_ns(slot.page->heartbeat_ns, now_ns) < kPatienceNs;
}

}  // namespace

Verdict healthy(const Sight& sight) {
  const std::uint64_t age = scoreboard::age_ns(sight.board.heartbeat_ns, sight.now_ns);
  if (age < kPatienceNs) return {true, "the master is alive\n"};
  return {false, fmt::format("the master has shown no sign of life for {} s\n",
                             age / 1'000'000'000)};
}

Verdict ready(const Sight& sight, std::uint32_t wanted) {
  if (Verdict verdict = healthy(sight); !verdict.good) return verdict;
  if (sight.board.stopping) return {false, "the server is stopping\n"};
  std::uint32_t serving = 0;
  for (const SlotSight& slot : sight.slots)
    serving += lives(slot, sight.now_ns) ? 1 : 0;
  return {serving >= wanted,
          fmt::format("{} workers serve, {} are needed\n", serving, wanted)};
}

}  // namespace monodon::metrics

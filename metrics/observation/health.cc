// SPDX-License-Identifier: Apache-2.0
// The answers of the health checks.
#include "metrics/observation/health.h"

#include <fmt/format.h>

#include <algorithm>

#include "scoreboard/waiting.h"

namespace monodon::metrics {
namespace {

// The master beats once a second, a keeper at least each fourth; a busy machine may
// delay them.
constexpr std::uint64_t kPatienceNs = 10'000'000'000;

bool moves(const SlotSight& slot, std::uint64_t now_ns) {
  // Its page is on its way to us: it has only just begun.
  if (!slot.page) return true;
  if (slot.page->state == scoreboard::WorkerState::hanging) return false;
  return scoreboard::age_ns(slot.page->heartbeat_ns, now_ns) < kPatienceNs;
}

void count_threads(const SlotSight& slot, std::uint64_t now_ns, Capacity& all) {
  for (const scoreboard::ThreadReport& thread : slot.page->threads) {
    ++all.threads;
    if (thread.started_ns == 0) continue;
    ++all.busy;
    all.oldest_ns = std::max(all.oldest_ns, request_age_ns(slot, thread, now_ns));
  }
}

std::string in_words(const Capacity& now, std::uint32_t wanted) {
  std::string text = fmt::format("{} {}, {} {} needed", now.serving,
                                 now.serving == 1 ? "worker serves" : "workers serve",
                                 wanted, wanted == 1 ? "is" : "are");
  if (now.hanging != 0) text += fmt::format("; {} do not move", now.hanging);
  if (now.saturated())
    text += fmt::format("; saturated: every thread runs a request, the oldest for {} s",
                        now.oldest_ns / 1'000'000'000);
  return text + "\n";
}

}  // namespace

Verdict healthy(const Sight& sight) {
  const std::uint64_t age = scoreboard::age_ns(sight.board.heartbeat_ns, sight.now_ns);
  if (age < kPatienceNs) return {true, "the master is alive\n"};
  return {false, fmt::format("the master has shown no sign of life for {} s\n",
                             age / 1'000'000'000)};
}

Capacity capacity(const Sight& sight) {
  Capacity all;
  scoreboard::WaitingInside waiting;
  for (const SlotSight& slot : sight.slots) {
    if (slot.row.state != scoreboard::SlotState::serving) continue;
    if (!moves(slot, sight.now_ns)) {
      ++all.hanging;
      continue;
    }
    ++all.serving;
    if (!slot.page) continue;
    count_threads(slot, sight.now_ns, all);
    waiting.note(*slot.page);
  }
  all.waiting = waiting.count(sight.sum);
  return all;
}

Verdict ready(const Sight& sight, std::uint32_t wanted) {
  if (Verdict verdict = healthy(sight); !verdict.good) return verdict;
  if (sight.board.stopping) return {false, "the server is stopping\n"};
  const Capacity now = capacity(sight);
  return {now.serving >= wanted, in_words(now, wanted)};
}

}  // namespace monodon::metrics

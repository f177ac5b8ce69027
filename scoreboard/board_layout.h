// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "scoreboard/page.h"
#include "scoreboard/totals.h"

namespace monodon::scoreboard {

// The master's own segment: what it knows for certain, in memory that only it can
// write. Readers get read-only descriptors and need no word from the master.
//
// Layout: one BoardHeader, kEvents EventRows, then `slots` SlotRows. A new member goes
// to the end of its struct and takes a new kBoardVersion.

inline constexpr std::uint64_t kBoardMagic = 0x6e6f646f6e6f6d31;  // "1monodon"
inline constexpr std::uint32_t kBoardVersion = 5;
inline constexpr std::size_t kEvents = 64;

// The life of a slot as the master sees it; `resting`: waits for the next try after a
// failure.
enum class SlotState : std::uint32_t {
  vacant,
  forking,
  starting,
  serving,
  draining,
  lost,
  killed,
  condemned,
  resting
};

// Why a worker ended.
enum class Cause : std::uint32_t {
  asked,        // reload, fewer workers, shutdown
  recycled,     // max_requests, max_lifetime, max_memory
  boot_failed,  // ended before it was ready
  boot_timeout,
  deadline,          // request_timeout
  graceful_timeout,  // was asked to go, did not, and was killed
  exit_status,       // left by itself
  signal,
  out_of_memory,  // the kernel's OOM killer
};
inline constexpr std::size_t kCauses = 9;

// fell_back: it was committed, and is counted as that as well.
enum class Reload : std::uint32_t { committed, refused, rolled_back, fell_back };
inline constexpr std::size_t kReloads = 4;

enum class EventKind : std::uint32_t {
  master_started,
  master_stopping,
  worker_started,
  worker_ready,
  worker_ended,
  worker_stuck,
  generation_proposed,
  generation_committed,
  generation_refused,
  generation_rolled_back,
  generation_worse,
  generation_fell_back
};

struct alignas(64) BoardHeader {
  // Written once, before anybody else can see it.
  std::atomic<std::uint64_t> magic{0};
  std::atomic<std::uint32_t> layout{0};
  std::atomic<std::uint32_t> header_size{0};
  std::atomic<std::uint32_t> event_size{0};
  std::atomic<std::uint32_t> slot_size{0};
  std::atomic<std::uint32_t> slots{0};
  std::atomic<std::uint32_t> master_pid{0};
  std::atomic<std::uint64_t> started_ns{0};    // CLOCK_MONOTONIC
  std::atomic<std::uint64_t> started_unix{0};  // seconds

  std::atomic<std::uint64_t> heartbeat_ns{0};  // of the master's loop
  std::atomic<std::uint32_t> generation{0};    // the goal
  std::atomic<std::uint32_t> wanted{0};        // workers
  std::atomic<std::uint32_t> stopping{0};
  std::atomic<std::uint32_t> candidate{0};  // generation being imported; 0: none
  Counter starts;
  std::array<Counter, kCauses> exits{};
  std::array<Counter, kReloads> reloads{};
  std::atomic<std::uint64_t> last_reload_unix{0};
  std::atomic<std::uint64_t> last_reload_ms{0};
  std::atomic<std::uint32_t> slots_used{0};  // rows that were ever written, from 0
  Counter events;  // ever; the newest is in row (events - 1) % kEvents
  Counter exporter_starts;
  std::atomic<std::uint32_t> zygote_pid{0};  // the youngest; 0: none
  // From the order for a worker until it serves, in the buckets of page.h.
  std::array<Counter, kBuckets> boots{};
  Counter boot_sum_us;
};

struct alignas(64) EventRow {
  std::atomic<std::uint32_t> version{0};  // odd while written
  std::atomic<std::uint32_t> kind{0};
  std::atomic<std::uint64_t> unix_ns{0};
  std::atomic<std::uint32_t> slot{0};
  std::atomic<std::uint32_t> serial{0};
  std::atomic<std::uint32_t> generation{0};
  std::atomic<std::uint32_t> unused{0};
  std::array<std::atomic<std::uint64_t>, 124> text{};  // a row is 1 KiB
};

struct alignas(64) SlotRow {
  std::atomic<std::uint32_t> version{0};  // odd while written
  std::atomic<std::uint32_t> state{0};    // SlotState
  std::atomic<std::uint32_t> serial{0};   // 0: no process
  std::atomic<std::uint32_t> generation{0};
  std::atomic<std::uint32_t> pid{0};
  std::atomic<std::uint32_t> threads{0};
  std::atomic<std::uint64_t> since_ns{0};     // start of the process
  std::atomic<std::uint64_t> next_try_ns{0};  // resting
  Counter starts;
  Counter failures;  // in a row
  // Of every worker that has ended in this slot (Totals, word by word).
  std::array<Counter, kTotalsWords> ended{};
};

static_assert(std::is_standard_layout_v<BoardHeader>);
static_assert(std::is_standard_layout_v<EventRow>);
static_assert(std::is_standard_layout_v<SlotRow>);

[[nodiscard]] constexpr std::size_t board_size(std::size_t slots) noexcept {
  const std::size_t bytes =
      sizeof(BoardHeader) + kEvents * sizeof(EventRow) + slots * sizeof(SlotRow);
  return (bytes + 4095) / 4096 * 4096;
}

}  // namespace monodon::scoreboard

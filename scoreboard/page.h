// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace monodon::scoreboard {

// The page of one worker: what it says about itself, in a memfd of its own that is
// sealed for it (scoreboard/segment.h): no other process can write it, whatever
// descriptor it comes by. Written by that worker only, without locks; read by the
// master, the exporter, status and top, who treat every byte as a rumour: no pointer,
// index, length or pid in here is ever relied on.
//
// Layout: one WorkerHeader, then one ThreadRow for each application thread. The
// number of rows is known to the master from its own table, never from the page.

// Whether a worker that serves has work is told by its rows.
// hanging: its leader does not move, outside of the application.
enum class WorkerState : std::uint32_t { booting, serving, draining, stopped, hanging };
// expired: past request_timeout; the client has its 504, or was cut off, and that is
// counted, while the application still runs.
enum class Phase : std::uint32_t { idle, reading, handling, writing, expired };

inline constexpr std::size_t kClasses = 6;  // 1xx..5xx, [5]: no answer (cut, died)

// Upper bounds in microseconds; the last bucket is everything above. From 100 us
// (a cached view) to 60 s (past every sane deadline), about 2 to 2.5 apart.
inline constexpr std::array<std::uint32_t, 16> kBucketsUs = {
    100,    250,     500,     1'000,   2'500,     5'000,     10'000,     25'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000, 60'000'000};
inline constexpr std::size_t kBuckets = kBucketsUs.size() + 1;

[[nodiscard]] inline std::size_t bucket_of(std::uint64_t us) noexcept {
  const auto* const at = std::lower_bound(kBucketsUs.begin(), kBucketsUs.end(), us);
  return static_cast<std::size_t>(at - kBucketsUs.begin());
}

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

// One writer: plain load and store, no locked instruction.
inline void add(Counter& counter, std::uint64_t n = 1) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

struct alignas(64) WorkerHeader {
  std::atomic<std::uint32_t> state{0};  // WorkerState
  std::atomic<std::uint32_t> serial{0};
  std::atomic<std::uint64_t> heartbeat_ns{
      0};  // CLOCK_MONOTONIC, by the keeper, while the leader moves
  // Kept by whichever thread leads (one at a time).
  Counter accepted;       // connections taken from the listeners
  Counter accept_pauses;  // out of descriptors or memory
  Counter handed_in;      // kept-alive connections from other workers
  Counter handed_out;
  std::atomic<std::uint64_t> open_connections{0};
  std::atomic<std::uint64_t> idle_connections{0};  // kept alive, nothing to read
  // Kept by the keeper.
  Counter log_lines_dropped;
  Counter slow_requests;
  Counter deadlines;
  std::atomic<std::uint64_t> memory_bytes{0};  // PSS when max_memory is set
  Counter late;  // answered 408: they did not come in time
  // As they were when the keeper last looked while every thread ran a request; to be
  // read only while that is so. In this worker, with something to read; and packets in
  // the handoff pair, which all workers share.
  std::atomic<std::uint64_t> waiting_here{0};
  std::atomic<std::uint64_t> waiting_between{0};
  std::atomic<std::uint64_t> open_websockets{0};  // kept by the main thread
};

// A path that was asked for lately and that a deploy may ask the new code for: an
// anonymous GET that was answered well (worker/loop/sightings.h says of which kind).
// Without a path and clients: the site is known by this name.
inline constexpr std::size_t kSightings = 8;  // of each thread
inline constexpr std::size_t kSightingClients = 3;
struct alignas(64) SightingRow {
  std::atomic<std::uint32_t> version{0};  // odd while the owner writes
  std::atomic<std::uint32_t> secure{0};   // 1: it came over https
  std::atomic<std::uint64_t> seen_ns{0};  // CLOCK_MONOTONIC; 0: nothing is here
  // Hashes of the first different clients, 0 where there were fewer.
  std::array<std::atomic<std::uint64_t>, kSightingClients> clients{};
  std::array<std::atomic<std::uint64_t>, 8> host{};   // 64 bytes, NUL padded
  std::array<std::atomic<std::uint64_t>, 16> path{};  // 128 bytes, NUL padded
};

struct alignas(64) ThreadRow {
  // What runs now. `version` is odd while the owner writes the texts.
  std::atomic<std::uint32_t> version{0};
  std::atomic<std::uint32_t> phase{0};       // Phase
  std::atomic<std::uint64_t> started_ns{0};  // CLOCK_MONOTONIC; 0: nothing runs
  std::atomic<std::uint64_t> sequence{0};    // requests begun by this thread
  std::array<std::atomic<std::uint64_t>, 4> remote{};      // 32 bytes, NUL padded
  std::array<std::atomic<std::uint64_t>, 8> request_id{};  // 64 bytes
  std::array<std::atomic<std::uint64_t>, 32> request{};  // 256: "GET /path" (no query)

  // Totals since the worker started.
  Counter requests;        // handed to the application
  Counter refused;         // answered by us: 400, 413, 414, 431, 501, 505
  Counter errors;          // application raised, or broke the protocol
  Counter bytes_in;        // request bodies
  Counter bytes_out;       // response bodies as sent
  Counter busy_ns;         // inside the application
  Counter dropped_fields;  // header names with underscores
  Counter static_files;    // answered with a file, without the application
  std::array<Counter, kClasses> responses{};  // by status class
  // From the complete head to the end of the response.
  std::array<std::array<Counter, kBuckets>, kClasses> duration{};
  std::array<Counter, kClasses> duration_sum_us{};
  // From the complete head to the first byte of the response.
  std::array<std::array<Counter, kBuckets>, kClasses> first_byte{};
  std::array<Counter, kClasses> first_byte_sum_us{};
  std::array<Counter, kBuckets> queue{};  // at the proxy and in the listen queue
  Counter queue_sum_us;
  Counter lock_wait_ns;  // for the runtime's lock (the GIL)

  std::array<SightingRow, kSightings> sightings{};
};

static_assert(std::is_standard_layout_v<WorkerHeader>);
static_assert(std::is_standard_layout_v<SightingRow>);
static_assert(std::is_standard_layout_v<ThreadRow>);

// Size of a page for `threads` application threads, a whole number of 4 KiB pages.
[[nodiscard]] constexpr std::size_t page_size(std::size_t threads) noexcept {
  const std::size_t bytes = sizeof(WorkerHeader) + threads * sizeof(ThreadRow);
  return (bytes + 4095) / 4096 * 4096;
}

// The owner's side of a page.
class WorkerPage {
 public:
  // Maps `memfd` read-write, and seals it against all who come later. Throws
  // std::system_error or boost::interprocess::interprocess_exception: only at the start
  // of a worker.
  WorkerPage(int memfd, std::size_t threads);
  // Heap memory instead: zygote warm-up, tests, benchmarks.
  explicit WorkerPage(std::size_t threads);
  ~WorkerPage();
  WorkerPage(const WorkerPage&) = delete;
  WorkerPage& operator=(const WorkerPage&) = delete;

  [[nodiscard]] WorkerHeader& header() noexcept { return *header_; }
  [[nodiscard]] ThreadRow& row(std::size_t thread) noexcept { return rows_[thread]; }

 private:
  struct Mapping;
  Mapping* mapping_;
  WorkerHeader* header_;
  ThreadRow* rows_;
};

// Owner thread only; before the application runs. Counts `requests` and `sequence`.
// `target` is cut at "?": a query may hold secrets. 40 ns.
void begin_request(ThreadRow& row, std::string_view method, std::string_view target,
                   std::string_view remote, std::string_view request_id,
                   std::uint64_t now_ns) noexcept;

// Owner thread only; also for a request that was refused and never began. Counts
// responses, durations and bytes; `refused`, `errors`, `busy_ns` and `dropped_fields`
// are the caller's. status 0: no answer was sent. first_byte_ns 0: with the last one.
void end_request(ThreadRow& row, int status, std::uint64_t bytes_in,
                 std::uint64_t bytes_out, std::uint64_t duration_ns,
                 std::uint64_t first_byte_ns = 0) noexcept;

// Keeper only, while it holds the request (Flight::hold): counts what the client got,
// as end_request() does. The owner calls end_expired() once the application returns.
void expire_request(ThreadRow& row, int status, std::uint64_t bytes_in,
                    std::uint64_t duration_ns) noexcept;
void end_expired(ThreadRow& row) noexcept;

// What note_sighting() keeps. Texts that do not fit are not for it.
struct Sighting {
  std::string_view host;
  std::string_view path;
  bool secure = false;
  std::uint64_t client = 0;  // a hash of who asked; 0: nobody that counts
};
inline constexpr std::size_t kMostHost = 63;
inline constexpr std::size_t kMostPath = 127;

// Owner thread only. A path that is known gets one client more; a new one takes the
// place of that which was not seen for longest. Some 100 ns.
void note_sighting(ThreadRow& row, const Sighting& sighting,
                   std::uint64_t now_ns) noexcept;

// Owner thread only: a request that waited before it came to us.
void note_queue_time(ThreadRow& row, std::uint64_t us) noexcept;

}  // namespace monodon::scoreboard

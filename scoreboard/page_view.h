// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scoreboard/page.h"
#include "scoreboard/totals.h"

namespace monodon::scoreboard {

// What a worker's page says, copied. Rumours: texts are bounded but may hold any byte
// (escape them where they are shown), times may lie in the future, and a number out of
// an enum's range is nullopt.
struct ThreadReport {
  std::optional<Phase> phase;
  std::uint64_t started_ns = 0;  // 0: nothing runs
  std::uint64_t sequence = 0;
  // The owner died, or is stopped, while it wrote the texts: there are none.
  bool torn = false;
  std::string remote;
  std::string request_id;
  std::string request;
};

struct WorkerReport {
  std::optional<WorkerState> state;
  std::uint32_t serial = 0;
  std::uint64_t heartbeat_ns = 0;
  std::uint64_t open_connections = 0;
  std::uint64_t idle_connections = 0;
  std::uint64_t open_websockets = 0;
  // Connections whose requests no thread is free to read: in this worker; on their way
  // from one worker to another, whichever it is. 0 while a thread of it is free.
  std::uint64_t waiting_here = 0;
  std::uint64_t waiting_between = 0;
  std::uint64_t memory_bytes = 0;
  Totals totals;  // as they stand there: see CounterGuard
  std::vector<ThreadReport> threads;
};

[[nodiscard]] bool is_full(const WorkerReport& worker);  // each thread runs a request

// A path that was asked for; see SightingRow.
struct SightingReport {
  std::string host;
  std::string path;
  bool secure = false;
  std::uint64_t seen_ns = 0;
  std::array<std::uint64_t, kSightingClients> clients{};
};

// The readers' side of a worker's page, in any process. Maps read-only.
class PageView {
 public:
  // `threads` comes from the reader's own knowledge, never from a page. An Error:
  // not a sealed memfd of that size, or it cannot be mapped.
  static Result<PageView> open(int memfd, std::size_t threads);

  PageView(PageView&&) noexcept;
  PageView& operator=(PageView&&) noexcept;
  ~PageView();

  // Never waits: a row that is being written is tried a few times. Its numbers are
  // read one by one and need not belong to one moment.
  [[nodiscard]] WorkerReport read() const;

  // What was asked for lately: bounded texts of any bytes. Those that are being written
  // are left out.
  [[nodiscard]] std::vector<SightingReport> sightings() const;

  // Only the time of the last sign of life; what the master's timer needs.
  [[nodiscard]] std::uint64_t heartbeat_ns() const noexcept;

 private:
  struct Mapping;
  explicit PageView(std::unique_ptr<Mapping> mapping) noexcept;
  std::unique_ptr<Mapping> mapping_;
};

// Nanoseconds since `then`; 0 for a time that is unset or in the future.
[[nodiscard]] constexpr std::uint64_t age_ns(std::uint64_t then,
                                             std::uint64_t now) noexcept {
  return then == 0 || then > now ? 0 : now - then;
}

[[nodiscard]] std::string_view name_of(std::optional<WorkerState> state) noexcept;
[[nodiscard]] std::string_view name_of(std::optional<Phase> phase) noexcept;

}  // namespace monodon::scoreboard

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scoreboard/board_layout.h"

namespace monodon::scoreboard {

struct SlotReport {
  std::optional<SlotState> state;
  std::uint32_t serial = 0;  // 0: no process
  std::uint32_t generation = 0;
  std::uint32_t pid = 0;  // for people; 0: none
  std::uint32_t threads = 0;
  std::uint64_t since_ns = 0;
  std::uint64_t next_try_ns = 0;
  std::uint64_t starts = 0;
  std::uint64_t failures = 0;
  Totals ended;  // of all workers that were in this slot
};

struct EventReport {
  std::optional<EventKind> kind;
  std::uint64_t unix_ns = 0;
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  std::uint32_t generation = 0;
  std::string text;  // may hold any byte
};

struct BoardReport {
  std::uint32_t master_pid = 0;
  std::uint64_t started_ns = 0;
  std::uint64_t started_unix = 0;
  std::uint64_t heartbeat_ns = 0;
  std::uint32_t generation = 0;
  std::uint32_t candidate = 0;
  std::uint32_t wanted = 0;
  bool stopping = false;
  std::uint64_t starts = 0;
  std::array<std::uint64_t, kCauses> exits{};
  std::array<std::uint64_t, kReloads> reloads{};
  std::uint64_t last_reload_unix = 0;
  std::uint64_t last_reload_ms = 0;
  std::uint64_t exporter_starts = 0;
  std::uint32_t zygote_pid = 0;
  std::array<std::uint64_t, kBuckets> boots{};
  std::uint64_t boot_sum_us = 0;
  std::vector<SlotReport> slots;    // up to the last one that was ever used
  std::vector<EventReport> events;  // oldest first
};

// The readers' side of the master's segment, in any process. Maps read-only.
class BoardView {
 public:
  // An Error: not a board, or of another layout (another version of monodon runs).
  static Result<BoardView> open(int memfd);

  BoardView(BoardView&&) noexcept;
  BoardView& operator=(BoardView&&) noexcept;
  ~BoardView();

  // Never waits. A row that is being written on each of a few attempts (the master
  // died in it) is left out: a slot is shown as state nullopt, an event not at all.
  [[nodiscard]] BoardReport read() const;
  [[nodiscard]] std::size_t capacity() const noexcept;  // slots, used or not

 private:
  struct Mapping;
  explicit BoardView(std::unique_ptr<Mapping> mapping) noexcept;
  std::unique_ptr<Mapping> mapping_;
};

[[nodiscard]] std::string_view name_of(std::optional<SlotState> state) noexcept;
[[nodiscard]] std::string_view name_of(Cause cause) noexcept;
[[nodiscard]] std::string_view name_of(Reload outcome) noexcept;
[[nodiscard]] std::string_view name_of(std::optional<EventKind> kind) noexcept;

}  // namespace monodon::scoreboard

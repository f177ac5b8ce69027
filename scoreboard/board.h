// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "scoreboard/board_layout.h"
#include "scoreboard/segment.h"

namespace monodon::scoreboard {

// What the master knows about a slot.
struct SlotFacts {
  SlotState state = SlotState::vacant;
  std::uint32_t serial = 0;
  std::uint32_t generation = 0;
  int pid = -1;                // -1: none, or not known yet
  std::uint32_t threads = 1;   // rows of its page
  std::uint64_t since_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t next_try_ns = 0;
  std::uint64_t starts = 0;
  std::uint64_t failures = 0;
};

struct Event {
  EventKind kind = EventKind::master_started;
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  std::uint32_t generation = 0;
  std::string_view text;  // what is beyond 991 bytes is cut, and "..." says so
};

// The page of a worker that an earlier master started. Owned elsewhere.
struct LastPage {
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  int memfd = -1;
};

// The writer's side of the master's segment. The master only, one thread; a child after
// fork must not call it. Nothing is ever read back from memory that a worker can write.
//
// Slots beyond the capacity are left out silently: they serve, but are not shown.
class Board {
 public:
  // More than any machine runs; only the pages that are used take memory.
  static constexpr std::size_t kMaxSlots = 1024;

  // At start-up. An Error: no memory, or no /proc.
  static Result<Board> make(std::size_t slots = kMaxSlots);

  // That of a master before us, whose totals go on, in memory that is new: the old one
  // is sealed against any further writer. At start-up. It is a memfd that no worker
  // could ever write; an Error: it is of another version, or no board at all. What it
  // says about processes is forgotten.
  // Then `pages`: of workers whose end that master may not have seen.
  static Result<Board> adopt(UniqueFd memfd, std::span<const LastPage> pages = {});

  Board(Board&&) noexcept;
  Board& operator=(Board&&) noexcept;
  ~Board();

  // Read-only: this is what goes to exporter, status, the master that follows and
  // others.
  [[nodiscard]] int reader_fd() const noexcept;

  void beat(std::uint64_t now_ns) noexcept;
  void set_goal(std::uint32_t generation, std::uint32_t workers,
                std::uint32_t candidate) noexcept;
  void set_stopping() noexcept;
  void set_zygote(int pid) noexcept;  // -1: none

  void publish(std::size_t slot, const SlotFacts& facts) noexcept;

  // Reaped: `last` are its final, believed counters (CounterGuard). Totals and `facts`,
  // which no longer name its serial, change as one for readers, so that nothing is
  // counted twice or goes missing in between.
  void worker_ended(std::size_t slot, const Totals& last, Cause cause,
                    const SlotFacts& facts) noexcept;

  void count_start() noexcept;
  void count_boot(std::uint64_t took_us) noexcept;
  void count_exporter_start() noexcept;
  // Without `took_ms` how long the last one took stays as it is: one that is undone
  // after its commit.
  void count_reload(Reload outcome, std::optional<std::uint64_t> took_ms) noexcept;
  void add_event(const Event& event) noexcept;

 private:
  struct Mapping;
  explicit Board(std::unique_ptr<Mapping> mapping) noexcept;
  void fold(const LastPage& page) noexcept;
  void forget_processes();
  void add_totals(std::size_t slot, const Totals& last,
                  const SlotFacts& facts) noexcept;
  std::unique_ptr<Mapping> mapping_;
};

}  // namespace monodon::scoreboard

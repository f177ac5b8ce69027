// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "scoreboard/board_view.h"
#include "scoreboard/page_view.h"

namespace monodon::metrics {

// One slot at one moment.
struct SlotSight {
  scoreboard::SlotReport row;                    // what the master says
  std::optional<scoreboard::WorkerReport> page;  // what its present worker says
  // Of every worker that was ever in the slot, with what runs and the processor time up
  // to now. Never goes back.
  scoreboard::Totals totals;
};

// How long the request of that thread runs; 0: none does. No request is older than its
// worker, whatever the page says.
[[nodiscard]] std::uint64_t request_age_ns(const SlotSight& slot,
                                           const scoreboard::ThreadReport& thread,
                                           std::uint64_t now_ns);

struct Sight {
  std::uint64_t now_ns = 0;  // CLOCK_MONOTONIC
  scoreboard::BoardReport board;
  std::vector<SlotSight> slots;
  scoreboard::Totals sum;
};

// A page that the master announces.
struct PageOrder {
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  std::uint32_t threads = 1;
  std::uint64_t since_ns = 0;  // CLOCK_MONOTONIC
};

// Reads board and pages, and makes counters of them that never go back: totals of the
// ended workers from the board plus the believed counters of the living ones, which
// change as one when a worker ends. What a worker writes is a rumour (CounterGuard).
// Exporter, one thread.
class Observer {
 public:
  explicit Observer(scoreboard::BoardView board) : board_{std::move(board)} {}

  // A page that cannot be read is left out.
  Outcome add_page(const PageOrder& order, const UniqueFd& page);
  // Without processor times, which /proc is asked for, they are those of the last look.
  enum class Times { read, leave };
  [[nodiscard]] Sight look(std::uint64_t now_ns, Times times = Times::read);

 private:
  struct Page {
    PageOrder order;
    scoreboard::PageView view;
    scoreboard::CounterGuard guard;
  };

  SlotSight look_at(std::uint32_t slot, const scoreboard::SlotReport& row,
                    std::uint32_t master, std::uint64_t now_ns, Times times);

  scoreboard::BoardView board_;
  std::map<std::uint32_t, Page> pages_;  // by slot: the newest
  std::vector<scoreboard::Totals> shown_;
};

}  // namespace monodon::metrics

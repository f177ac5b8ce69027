// SPDX-License-Identifier: Apache-2.0
// All slots at one moment, for a scrape.
#include "metrics/observation/observer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "metrics/observation/process_stats.h"

namespace monodon::metrics {
namespace {

using scoreboard::Totals;
using scoreboard::TotalsWords;

// A worker that lies may say less at its end than it did before; what was shown stays.
void raise(Totals& shown, const Totals& now) noexcept {
  auto words = std::bit_cast<TotalsWords>(shown);
  const auto news = std::bit_cast<TotalsWords>(now);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = std::max(words[i], news[i]);
  shown = std::bit_cast<Totals>(words);
}

}  // namespace

std::uint64_t request_age_ns(const SlotSight& slot,
                             const scoreboard::ThreadReport& thread,
                             std::uint64_t now_ns) {
  return std::min(scoreboard::age_ns(thread.started_ns, now_ns),
                  scoreboard::age_ns(slot.row.since_ns, now_ns));
}

Outcome Observer::add_page(const PageOrder& order, const UniqueFd& page) {
  auto view = scoreboard::PageView::open(page.get(), order.threads);
  if (!view) return view.error();
  pages_.insert_or_assign(
      order.slot, Page{order, std::move(view).value(),
                       scoreboard::CounterGuard{order.threads, order.since_ns}});
  return ok();
}

SlotSight Observer::look_at(std::uint32_t slot, const scoreboard::SlotReport& row,
                            std::uint32_t master, std::uint64_t now_ns, Times times) {
  SlotSight sight;
  sight.row = row;
  sight.totals = row.ended;
  const auto found = pages_.find(slot);
  if (found != pages_.end() && row.serial != 0) {
    Page& page = found->second;
    if (page.order.serial == row.serial) {
      sight.page = page.view.read();
      Totals living = page.guard.observe(sight.page->totals, now_ns);
      const std::uint64_t age = scoreboard::age_ns(row.since_ns, now_ns);
      living.thread_ns = age * page.order.threads;
      for (const auto& thread : sight.page->threads)
        living.busy_ns += std::min(age, scoreboard::age_ns(thread.started_ns, now_ns));
      if (times == Times::read) living.cpu_us = read_cpu_us(row.pid, master);
      sight.totals += living;
    } else if (page.order.serial < row.serial) {
      pages_.erase(found);  // its successor's page is on its way
    }
  }
  if (shown_.size() <= slot) shown_.resize(slot + 1);
  raise(shown_[slot], sight.totals);
  sight.totals = shown_[slot];
  return sight;
}

Sight Observer::look(std::uint64_t now_ns, Times times) {
  Sight sight;
  sight.now_ns = now_ns;
  sight.board = board_.read();
  sight.slots.reserve(sight.board.slots.size());
  for (std::uint32_t i = 0; i < sight.board.slots.size(); ++i) {
    sight.slots.push_back(
        look_at(i, sight.board.slots[i], sight.board.master_pid, now_ns, times));
    sight.sum += sight.slots.back().totals;
  }
  return sight;
}

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
// The master's writes to the board.
#include "scoreboard/board.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <ctime>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "scoreboard/board_view.h"
#include "scoreboard/page_view.h"
#include "scoreboard/segment.h"
#include "scoreboard/texts.h"

namespace monodon::scoreboard {
namespace {

timespec wall() noexcept {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

// Readers look at no row beyond: even reading would give memory to it.
void note_used(BoardHeader& header, std::size_t slot) noexcept {
  const auto count = static_cast<std::uint32_t>(slot + 1);
  if (count > header.slots_used.load(kRelaxed))
    header.slots_used.store(count, kRelaxed);
}

void store_facts(SlotRow& row, const SlotFacts& facts) noexcept {
  row.state.store(static_cast<std::uint32_t>(facts.state), kRelaxed);
  row.serial.store(facts.serial, kRelaxed);
  row.generation.store(facts.generation, kRelaxed);
  row.pid.store(facts.pid > 0 ? static_cast<std::uint32_t>(facts.pid) : 0, kRelaxed);
  row.threads.store(facts.threads, kRelaxed);
  row.since_ns.store(facts.since_ns, kRelaxed);
  row.next_try_ns.store(facts.next_try_ns, kRelaxed);
  row.starts.store(facts.starts, kRelaxed);
  row.failures.store(facts.failures, kRelaxed);
}

}  // namespace

struct Board::Mapping {
  UniqueFd reader;
  boost::interprocess::mapped_region region;
  BoardHeader* header = nullptr;
  std::span<EventRow> events;
  std::span<SlotRow> slots;
  std::vector<std::uint64_t> starts_before;  // by slot, of the masters before us

  Outcome make(std::size_t count) {
    namespace ip = boost::interprocess;
    const auto fd = make_segment("monodon-board", board_size(count));
    if (!fd) return fd.error();
    auto copy = read_only_copy(fd.value().get());
    if (!copy) return copy.error();
    reader = std::move(copy).value();
    try {
      const std::string path = "/proc/self/fd/" + std::to_string(fd.value().get());
      const ip::file_mapping file{path.c_str(), ip::read_write};
      region = ip::mapped_region{file, ip::read_write, 0, board_size(count)};
    } catch (const ip::interprocess_exception& e) {
      return Error{"map the scoreboard", e.get_native_error()};
    }
    if (auto sealed = seal_for_owner(fd.value().get()); !sealed) return sealed.error();
    auto* at = static_cast<std::byte*>(region.get_address());
    // Untouched memory is zero, which is what empty rows are: constructing all of them
    // would take a megabyte for slots that nobody uses.
    header = reinterpret_cast<BoardHeader*>(at);
    at += sizeof(BoardHeader);
    events = {reinterpret_cast<EventRow*>(at), kEvents};
    at += kEvents * sizeof(EventRow);
    slots = {reinterpret_cast<SlotRow*>(at), count};
    return ok();
  }

  // All of an older board that was ever used; its events and header as well.
  Outcome copy_from(int older, std::size_t used) noexcept {
    const std::size_t size = board_size(used);
    const ssize_t got = ::pread(older, region.get_address(), size, 0);
    if (got < 0) return last_error("copy the scoreboard of the master before");
    if (static_cast<std::size_t>(got) != size)
      return Error{"the scoreboard of the master before ends too early"};
    return ok();
  }

  void sign() noexcept {
    header->layout.store(kBoardVersion);
    header->header_size.store(sizeof(BoardHeader));
    header->event_size.store(sizeof(EventRow));
    header->slot_size.store(sizeof(SlotRow));
    header->slots.store(static_cast<std::uint32_t>(slots.size()));
    header->master_pid.store(static_cast<std::uint32_t>(::getpid()));
    header->started_ns.store(monotonic_ns());
    header->started_unix.store(static_cast<std::uint64_t>(wall().tv_sec));
    header->magic.store(kBoardMagic);
  }

  void store(std::size_t slot, SlotFacts facts) noexcept {
    if (slot < starts_before.size()) facts.starts += starts_before[slot];
    store_facts(slots[slot], facts);
  }
};

Board::Board(std::unique_ptr<Mapping> mapping) noexcept
    : mapping_{std::move(mapping)} {}
Board::Board(Board&&) noexcept = default;
Board& Board::operator=(Board&&) noexcept = default;
Board::~Board() = default;

Result<Board> Board::make(std::size_t slots) {
  auto mapping = std::make_unique<Mapping>();
  if (auto made = mapping->make(slots); !made) return made.error();
  mapping->sign();
  return Board{std::move(mapping)};
}

Result<Board> Board::adopt(UniqueFd memfd, std::span<const LastPage> pages) {
  // A view checks all that there is to check, and maps nothing writable.
  std::size_t slots = 0;
  std::size_t used = 0;
  {
    auto view = BoardView::open(memfd.get());
    if (!view) return view.error();
    slots = view.value().capacity();
    used = view.value().read().slots.size();
  }
  if (slots > kMaxSlots) return Error{"the scoreboard has more slots than any of ours"};
  auto mapping = std::make_unique<Mapping>();
  if (auto made = mapping->make(slots); !made) return made.error();
  if (auto copied = mapping->copy_from(memfd.get(), used); !copied)
    return copied.error();
  Board board{std::move(mapping)};
  for (const LastPage& page : pages) board.fold(page);
  board.forget_processes();
  return board;
}

// A worker whose end no master has seen. What its page says counts only if the row
// still waits for it: otherwise it was added before.
void Board::fold(const LastPage& page) noexcept {
  if (page.slot >= mapping_->slots.size() || page.serial == 0) return;
  SlotRow& row = mapping_->slots[page.slot];
  if (row.serial.load(kRelaxed) != page.serial || row.version.load(kRelaxed) % 2 != 0)
    return;
  const std::uint32_t threads = row.threads.load(kRelaxed);
  auto view = PageView::open(page.memfd, threads);
  if (!view) return;
  CounterGuard guard{threads, row.since_ns.load(kRelaxed)};
  add_totals(page.slot, guard.observe(view.value().read().totals, monotonic_ns()),
             {.starts = row.starts.load(kRelaxed)});
}

void Board::forget_processes() {
  const std::size_t used = std::min<std::size_t>(
      mapping_->header->slots_used.load(kRelaxed), mapping_->slots.size());
  for (std::size_t slot = 0; slot < used; ++slot) {
    SlotRow& row = mapping_->slots[slot];
    mapping_->starts_before.push_back(row.starts.load(kRelaxed));
    const VersionedWrite write{row.version};
    mapping_->store(slot, {});
  }
  mapping_->header->stopping.store(0, kRelaxed);
  set_goal(0, 0, 0);
  mapping_->sign();
}

int Board::reader_fd() const noexcept {
  return mapping_->reader.get();
}

void Board::beat(std::uint64_t now_ns) noexcept {
  mapping_->header->heartbeat_ns.store(now_ns, kRelaxed);
}

void Board::set_goal(std::uint32_t generation, std::uint32_t workers,
                     std::uint32_t candidate) noexcept {
  mapping_->header->generation.store(generation, kRelaxed);
  mapping_->header->wanted.store(workers, kRelaxed);
  mapping_->header->candidate.store(candidate, kRelaxed);
}

void Board::set_stopping() noexcept {
  mapping_->header->stopping.store(1, kRelaxed);
}

void Board::set_zygote(int pid) noexcept {
  mapping_->header->zygote_pid.store(pid > 0 ? static_cast<std::uint32_t>(pid) : 0,
                                     kRelaxed);
}

void Board::publish(std::size_t slot, const SlotFacts& facts) noexcept {
  if (slot >= mapping_->slots.size()) return;
  note_used(*mapping_->header, slot);
  SlotRow& row = mapping_->slots[slot];
  const VersionedWrite write{row.version};
  mapping_->store(slot, facts);
}

void Board::worker_ended(std::size_t slot, const Totals& last, Cause cause,
                         const SlotFacts& facts) noexcept {
  add(mapping_->header->exits.at(static_cast<std::size_t>(cause)));
  if (slot >= mapping_->slots.size()) return;
  note_used(*mapping_->header, slot);
  add_totals(slot, last, facts);
}

void Board::add_totals(std::size_t slot, const Totals& last,
                       const SlotFacts& facts) noexcept {
  SlotRow& row = mapping_->slots[slot];
  TotalsWords words{};
  for (std::size_t i = 0; i < kTotalsWords; ++i) words[i] = row.ended[i].load(kRelaxed);
  auto sum = std::bit_cast<Totals>(words);
  sum += last;
  words = std::bit_cast<TotalsWords>(sum);
  const VersionedWrite write{row.version};
  for (std::size_t i = 0; i < kTotalsWords; ++i) row.ended[i].store(words[i], kRelaxed);
  mapping_->store(slot, facts);
}

void Board::count_start() noexcept {
  add(mapping_->header->starts);
}

void Board::count_boot(std::uint64_t took_us) noexcept {
  add(mapping_->header->boots[bucket_of(took_us)]);
  add(mapping_->header->boot_sum_us, took_us);
}

void Board::count_exporter_start() noexcept {
  add(mapping_->header->exporter_starts);
}

void Board::count_reload(Reload outcome,
                         std::optional<std::uint64_t> took_ms) noexcept {
  BoardHeader& header = *mapping_->header;
  add(header.reloads.at(static_cast<std::size_t>(outcome)));
  if (took_ms) header.last_reload_ms.store(*took_ms, kRelaxed);
  header.last_reload_unix.store(static_cast<std::uint64_t>(wall().tv_sec), kRelaxed);
}

void Board::add_event(const Event& event) noexcept {
  BoardHeader& header = *mapping_->header;
  const timespec now = wall();
  EventRow& row = mapping_->events[header.events.load(kRelaxed) % kEvents];
  {
    const VersionedWrite write{row.version};
    row.kind.store(static_cast<std::uint32_t>(event.kind), kRelaxed);
    row.unix_ns.store(static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
                          static_cast<std::uint64_t>(now.tv_nsec),
                      kRelaxed);
    row.slot.store(event.slot, kRelaxed);
    row.serial.store(event.serial, kRelaxed);
    row.generation.store(event.generation, kRelaxed);
    constexpr std::size_t kRoom = sizeof row.text - 1;
    if (event.text.size() <= kRoom)
      store_text(row.text, event.text);
    else
      store_text(row.text, std::string{event.text.substr(0, kRoom - 3)} + "...");
  }
  add(header.events);
}

}  // namespace monodon::scoreboard

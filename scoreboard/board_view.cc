// SPDX-License-Identifier: Apache-2.0
// The board as others read it, checked.
#include "scoreboard/board_view.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <span>

#include "scoreboard/segment.h"
#include "scoreboard/texts.h"

namespace monodon::scoreboard {
namespace {

SlotReport read_slot(const SlotRow& row) {
  SlotReport report;
  TotalsWords ended{};
  const bool whole = read_versioned(row.version, [&] {
    report.state = checked(row.state.load(kRelaxed), SlotState::resting);
    report.serial = row.serial.load(kRelaxed);
    report.generation = row.generation.load(kRelaxed);
    report.pid = row.pid.load(kRelaxed);
    report.threads = row.threads.load(kRelaxed);
    report.since_ns = row.since_ns.load(kRelaxed);
    report.next_try_ns = row.next_try_ns.load(kRelaxed);
    report.starts = row.starts.load(kRelaxed);
    report.failures = row.failures.load(kRelaxed);
    for (std::size_t i = 0; i < kTotalsWords; ++i)
      ended[i] = row.ended[i].load(kRelaxed);
  });
  if (!whole) return SlotReport{};
  report.ended = std::bit_cast<Totals>(ended);
  return report;
}

std::optional<EventReport> read_event(const EventRow& row) {
  EventReport report;
  const bool whole = read_versioned(row.version, [&] {
    report.kind = checked(row.kind.load(kRelaxed), EventKind::generation_fell_back);
    report.unix_ns = row.unix_ns.load(kRelaxed);
    report.slot = row.slot.load(kRelaxed);
    report.serial = row.serial.load(kRelaxed);
    report.generation = row.generation.load(kRelaxed);
    report.text = load_text(row.text);
  });
  if (!whole) return std::nullopt;
  return report;
}

BoardReport read_header(const BoardHeader& header) {
  BoardReport report;
  report.master_pid = header.master_pid.load(kRelaxed);
  report.started_ns = header.started_ns.load(kRelaxed);
  report.started_unix = header.started_unix.load(kRelaxed);
  report.heartbeat_ns = header.heartbeat_ns.load(kRelaxed);
  report.generation = header.generation.load(kRelaxed);
  report.candidate = header.candidate.load(kRelaxed);
  report.wanted = header.wanted.load(kRelaxed);
  report.stopping = header.stopping.load(kRelaxed) != 0;
  report.starts = header.starts.load(kRelaxed);
  for (std::size_t i = 0; i < kCauses; ++i)
    report.exits[i] = header.exits[i].load(kRelaxed);
  for (std::size_t i = 0; i < kReloads; ++i)
    report.reloads[i] = header.reloads[i].load(kRelaxed);
  report.last_reload_unix = header.last_reload_unix.load(kRelaxed);
  report.last_reload_ms = header.last_reload_ms.load(kRelaxed);
  report.zygote_pid = header.zygote_pid.load(kRelaxed);
  report.exporter_starts = header.exporter_starts.load(kRelaxed);
  for (std::size_t i = 0; i < kBuckets; ++i)
    report.boots[i] = header.boots[i].load(kRelaxed);
  report.boot_sum_us = header.boot_sum_us.load(kRelaxed);
  return report;
}

}  // namespace

struct BoardView::Mapping {
  boost::interprocess::mapped_region region;
  std::size_t slot_count = 0;

  [[nodiscard]] const std::byte* at(std::size_t offset) const noexcept {
    return static_cast<const std::byte*>(region.get_address()) + offset;
  }
  [[nodiscard]] const BoardHeader& header() const noexcept {
    return *reinterpret_cast<const BoardHeader*>(at(0));
  }
  [[nodiscard]] std::span<const EventRow> events() const noexcept {
    return {reinterpret_cast<const EventRow*>(at(sizeof(BoardHeader))), kEvents};
  }
  [[nodiscard]] std::span<const SlotRow> slots() const noexcept {
    constexpr std::size_t kOffset = sizeof(BoardHeader) + kEvents * sizeof(EventRow);
    return {reinterpret_cast<const SlotRow*>(at(kOffset)), slot_count};
  }
};

BoardView::BoardView(std::unique_ptr<Mapping> mapping) noexcept
    : mapping_{std::move(mapping)} {}
BoardView::BoardView(BoardView&&) noexcept = default;
BoardView& BoardView::operator=(BoardView&&) noexcept = default;
BoardView::~BoardView() = default;

Result<BoardView> BoardView::open(int memfd) {
  namespace ip = boost::interprocess;
  if (auto fine = check_segment(memfd, board_size(0)); !fine) return fine.error();
  struct stat about {};
  if (::fstat(memfd, &about) != 0) return last_error("look at the scoreboard");
  const auto size = static_cast<std::size_t>(about.st_size);
  auto mapping = std::make_unique<Mapping>();
  try {
    const std::string path = "/proc/self/fd/" + std::to_string(memfd);
    const ip::file_mapping file{path.c_str(), ip::read_only};
    mapping->region = ip::mapped_region{file, ip::read_only, 0, size};
  } catch (const ip::interprocess_exception& e) {
    return Error{"map the scoreboard", e.get_native_error()};
  }
  const BoardHeader& header = mapping->header();
  if (header.magic.load() != kBoardMagic) return Error{"this is not a scoreboard"};
  if (header.layout.load() != kBoardVersion ||
      header.header_size.load() != sizeof(BoardHeader) ||
      header.event_size.load() != sizeof(EventRow) ||
      header.slot_size.load() != sizeof(SlotRow))
    return Error{"the scoreboard is of another version of monodon"};
  mapping->slot_count = header.slots.load();
  if (board_size(mapping->slot_count) > size)
    return Error{"the scoreboard is shorter than its slots"};
  return BoardView{std::move(mapping)};
}

std::size_t BoardView::capacity() const noexcept {
  return mapping_->slot_count;
}

BoardReport BoardView::read() const {
  BoardReport report = read_header(mapping_->header());
  const std::size_t used = mapping_->header().slots_used.load(kRelaxed);
  const std::size_t count = std::min(used, mapping_->slot_count);
  for (const SlotRow& row : mapping_->slots().first(count))
    report.slots.push_back(read_slot(row));
  const auto unused = [](const SlotReport& slot) {
    return slot.state == SlotState::vacant && slot.starts == 0;
  };
  while (!report.slots.empty() && unused(report.slots.back())) report.slots.pop_back();

  const std::uint64_t ever = mapping_->header().events.load(std::memory_order_acquire);
  const std::uint64_t kept = std::min<std::uint64_t>(ever, kEvents);
  for (std::uint64_t i = ever - kept; i < ever; ++i)
    if (auto event = read_event(mapping_->events()[i % kEvents]))
      report.events.push_back(std::move(*event));
  return report;
}

std::string_view name_of(std::optional<SlotState> state) noexcept {
  if (!state) return "unknown";
  switch (*state) {
    case SlotState::vacant:
      return "vacant";
    case SlotState::forking:
      return "forking";
    case SlotState::starting:
      return "starting";
    case SlotState::serving:
      return "serving";
    case SlotState::draining:
      return "draining";
    case SlotState::lost:
      return "lost";
    case SlotState::killed:
      return "killed";
    case SlotState::condemned:
      return "condemned";
    case SlotState::resting:
      return "resting";
  }
  return "unknown";
}

std::string_view name_of(Cause cause) noexcept {
  switch (cause) {
    case Cause::asked:
      return "asked";
    case Cause::recycled:
      return "recycled";
    case Cause::boot_failed:
      return "boot_failed";
    case Cause::boot_timeout:
      return "boot_timeout";
    case Cause::deadline:
      return "deadline";
    case Cause::graceful_timeout:
      return "graceful_timeout";
    case Cause::exit_status:
      return "exit_status";
    case Cause::signal:
      return "signal";
    case Cause::out_of_memory:
      return "out_of_memory";
  }
  return "unknown";
}

std::string_view name_of(Reload outcome) noexcept {
  switch (outcome) {
    case Reload::committed:
      return "committed";
    case Reload::refused:
      return "refused";
    case Reload::rolled_back:
      return "rolled_back";
    case Reload::fell_back:
      return "fell_back";
  }
  return "unknown";
}

std::string_view name_of(std::optional<EventKind> kind) noexcept {
  if (!kind) return "unknown";
  switch (*kind) {
    case EventKind::master_started:
      return "master_started";
    case EventKind::master_stopping:
      return "master_stopping";
    case EventKind::worker_started:
      return "worker_started";
    case EventKind::worker_ready:
      return "worker_ready";
    case EventKind::worker_ended:
      return "worker_ended";
    case EventKind::worker_stuck:
      return "worker_stuck";
    case EventKind::generation_proposed:
      return "generation_proposed";
    case EventKind::generation_committed:
      return "generation_committed";
    case EventKind::generation_refused:
      return "generation_refused";
    case EventKind::generation_rolled_back:
      return "generation_rolled_back";
    case EventKind::generation_worse:
      return "generation_worse";
    case EventKind::generation_fell_back:
      return "generation_fell_back";
  }
  return "unknown";
}

}  // namespace monodon::scoreboard

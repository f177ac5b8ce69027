// SPDX-License-Identifier: Apache-2.0
// A worker's page as others read it: copied, checked, clamped.
#include "scoreboard/page_view.h"

#include <algorithm>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <span>

#include "scoreboard/segment.h"
#include "scoreboard/texts.h"

namespace monodon::scoreboard {
namespace {

ThreadReport read_thread(const ThreadRow& row) {
  ThreadReport report;
  // These change outside of the versioned write too, and are worth having alone.
  report.phase = checked(row.phase.load(kRelaxed), Phase::expired);
  report.started_ns = row.started_ns.load(kRelaxed);
  report.sequence = row.sequence.load(kRelaxed);
  report.torn = !read_versioned(row.version, [&] {
    report.started_ns = row.started_ns.load(kRelaxed);
    report.remote = load_text(row.remote);
    report.request_id = load_text(row.request_id);
    report.request = load_text(row.request);
  });
  if (report.torn) {
    report.remote.clear();
    report.request_id.clear();
    report.request.clear();
  }
  return report;
}

void add_row(Totals& totals, const ThreadRow& row) {
  Totals of_row;
  of_row.requests = row.requests.load(kRelaxed);
  of_row.refused = row.refused.load(kRelaxed);
  of_row.errors = row.errors.load(kRelaxed);
  of_row.bytes_in = row.bytes_in.load(kRelaxed);
  of_row.bytes_out = row.bytes_out.load(kRelaxed);
  of_row.busy_ns = row.busy_ns.load(kRelaxed);
  of_row.dropped_fields = row.dropped_fields.load(kRelaxed);
  of_row.static_files = row.static_files.load(kRelaxed);
  for (std::size_t c = 0; c < kClasses; ++c) {
    of_row.responses[c] = row.responses[c].load(kRelaxed);
    of_row.duration_sum_us[c] = row.duration_sum_us[c].load(kRelaxed);
    of_row.first_byte_sum_us[c] = row.first_byte_sum_us[c].load(kRelaxed);
    for (std::size_t b = 0; b < kBuckets; ++b) {
      of_row.duration[c][b] = row.duration[c][b].load(kRelaxed);
      of_row.first_byte[c][b] = row.first_byte[c][b].load(kRelaxed);
    }
  }
  for (std::size_t b = 0; b < kBuckets; ++b)
    of_row.queue[b] = row.queue[b].load(kRelaxed);
  of_row.queue_sum_us = row.queue_sum_us.load(kRelaxed);
  of_row.lock_wait_ns = row.lock_wait_ns.load(kRelaxed);
  totals += of_row;
}

}  // namespace

struct PageView::Mapping {
  boost::interprocess::mapped_region region;
  std::size_t threads = 0;

  [[nodiscard]] const std::byte* bytes() const noexcept {
    return static_cast<const std::byte*>(region.get_address());
  }
  // Lock-free atomics of standard layout, for which all bytes are valid: whatever the
  // other process left there, this is an object that can be read.
  [[nodiscard]] const WorkerHeader& header() const noexcept {
    return *reinterpret_cast<const WorkerHeader*>(bytes());
  }
  [[nodiscard]] std::span<const ThreadRow> rows() const noexcept {
    return {reinterpret_cast<const ThreadRow*>(bytes() + sizeof(WorkerHeader)),
            threads};
  }
};

PageView::PageView(std::unique_ptr<Mapping> mapping) noexcept
    : mapping_{std::move(mapping)} {}
PageView::PageView(PageView&&) noexcept = default;
PageView& PageView::operator=(PageView&&) noexcept = default;
PageView::~PageView() = default;

Result<PageView> PageView::open(int memfd, std::size_t threads) {
  namespace ip = boost::interprocess;
  if (auto fine = check_segment(memfd, page_size(threads)); !fine) return fine.error();
  try {
    const std::string path = "/proc/self/fd/" + std::to_string(memfd);
    const ip::file_mapping file{path.c_str(), ip::read_only};
    auto mapping = std::make_unique<Mapping>();
    mapping->region = ip::mapped_region{file, ip::read_only, 0, page_size(threads)};
    mapping->threads = threads;
    return PageView{std::move(mapping)};
  } catch (const ip::interprocess_exception& e) {
    return Error{"map a scoreboard page", e.get_native_error()};
  }
}

bool is_full(const WorkerReport& worker) {
  return !worker.threads.empty() &&
         std::ranges::all_of(worker.threads, [](const ThreadReport& thread) {
           return thread.started_ns != 0;
         });
}

WorkerReport PageView::read() const {
  const WorkerHeader& header = mapping_->header();
  WorkerReport report;
  report.state = checked(header.state.load(kRelaxed), WorkerState::hanging);
  report.serial = header.serial.load(kRelaxed);
  report.heartbeat_ns = header.heartbeat_ns.load(kRelaxed);
  report.open_connections = header.open_connections.load(kRelaxed);
  report.idle_connections = header.idle_connections.load(kRelaxed);
  report.open_websockets = header.open_websockets.load(kRelaxed);
  report.memory_bytes = header.memory_bytes.load(kRelaxed);
  report.totals.accepted = header.accepted.load(kRelaxed);
  report.totals.accept_pauses = header.accept_pauses.load(kRelaxed);
  report.totals.handed_in = header.handed_in.load(kRelaxed);
  report.totals.handed_out = header.handed_out.load(kRelaxed);
  report.totals.log_lines_dropped = header.log_lines_dropped.load(kRelaxed);
  report.totals.slow_requests = header.slow_requests.load(kRelaxed);
  report.totals.deadlines = header.deadlines.load(kRelaxed);
  report.threads.reserve(mapping_->threads);
  for (const ThreadRow& row : mapping_->rows()) {
    report.threads.push_back(read_thread(row));
    add_row(report.totals, row);
  }
  if (is_full(report)) {
    report.waiting_here = header.waiting_here.load(kRelaxed);
    report.waiting_between = header.waiting_between.load(kRelaxed);
  }
  Totals late;
  late.refused = late.responses[3] = header.late.load(kRelaxed);
  report.totals += late;
  return report;
}

std::vector<SightingReport> PageView::sightings() const {
  std::vector<SightingReport> all;
  for (const ThreadRow& row : mapping_->rows()) {
    for (const SightingRow& one : row.sightings) {
      SightingReport report;
      const bool whole = read_versioned(one.version, [&] {
        report.seen_ns = one.seen_ns.load(kRelaxed);
        report.secure = one.secure.load(kRelaxed) == 1;
        for (std::size_t i = 0; i < report.clients.size(); ++i)
          report.clients[i] = one.clients[i].load(kRelaxed);
        report.host = load_text(one.host);
        report.path = load_text(one.path);
      });
      if (whole && report.seen_ns != 0) all.push_back(std::move(report));
    }
  }
  return all;
}

std::uint64_t PageView::heartbeat_ns() const noexcept {
  return mapping_->header().heartbeat_ns.load(kRelaxed);
}

std::string_view name_of(std::optional<WorkerState> state) noexcept {
  if (!state) return "unknown";
  switch (*state) {
    case WorkerState::booting:
      return "booting";
    case WorkerState::serving:
      return "serving";
    case WorkerState::draining:
      return "draining";
    case WorkerState::stopped:
      return "stopped";
    case WorkerState::hanging:
      return "hanging";
  }
  return "unknown";
}

std::string_view name_of(std::optional<Phase> phase) noexcept {
  if (!phase) return "unknown";
  switch (*phase) {
    case Phase::idle:
      return "idle";
    case Phase::reading:
      return "reading";
    case Phase::handling:
      return "handling";
    case Phase::writing:
      return "writing";
    case Phase::expired:
      return "expired";
  }
  return "unknown";
}

}  // namespace monodon::scoreboard

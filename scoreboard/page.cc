// SPDX-License-Identifier: Apache-2.0
// A worker's page: made, mapped, written.
#include "scoreboard/page.h"

#include <sys/mman.h>

#include <algorithm>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "scoreboard/segment.h"
#include "scoreboard/shown.h"
#include "scoreboard/texts.h"

namespace monodon::scoreboard {
struct WorkerPage::Mapping {
  boost::interprocess::mapped_region region;
  std::vector<std::byte> heap;
};

WorkerPage::WorkerPage(int memfd, std::size_t threads)
    : mapping_{nullptr}, header_{nullptr}, rows_{nullptr} {
  namespace ip = boost::interprocess;
  // The mapping outlives the descriptor that file_mapping opens and closes.
  const std::string path = "/proc/self/fd/" + std::to_string(memfd);
  const ip::file_mapping file{path.c_str(), ip::read_write};
  auto mapping = std::make_unique<Mapping>(
      Mapping{{file, ip::read_write, 0, page_size(threads)}, {}});
  if (const Outcome sealed = seal_for_owner(memfd); !sealed)
    throw std::system_error{sealed.error().code, std::generic_category(),
                            sealed.error().what};
  mapping_ = mapping.release();
  auto* const bytes = static_cast<std::byte*>(mapping_->region.get_address());
  // A process that the application forks is not the writer of this page.
  (void)::madvise(bytes, mapping_->region.get_size(), MADV_DONTFORK);
  // The memory is all zero, which is a valid value of each member (page.h); the
  // constructors say the same again, before anybody else knows this page.
  header_ = new (bytes) WorkerHeader;
  rows_ = new (bytes + sizeof(WorkerHeader)) ThreadRow[threads];
}

WorkerPage::WorkerPage(std::size_t threads)
    : mapping_{new Mapping{{}, std::vector<std::byte>(page_size(threads) + 64)}},
      header_{nullptr},
      rows_{nullptr} {
  void* start = mapping_->heap.data();
  std::size_t space = mapping_->heap.size();
  auto* const bytes =
      static_cast<std::byte*>(std::align(64, page_size(threads), start, space));
  header_ = new (bytes) WorkerHeader;
  rows_ = new (bytes + sizeof(WorkerHeader)) ThreadRow[threads];
}

WorkerPage::~WorkerPage() {
  delete mapping_;
}

void show_request(ThreadRow& row, std::string_view method, std::string_view target,
                  std::string_view remote, std::string_view request_id,
                  std::uint64_t now_ns) noexcept {
  constexpr std::size_t kRoom = sizeof(row.request);
  std::array<char, kRoom> text;  // NOLINT: filled below, and this is the hot path
  const std::size_t verb = std::min(method.size(), kRoom - 1);
  copy_short(text.data(), method.substr(0, verb));
  text[verb] = ' ';
  const std::string_view shown = target.substr(0, kRoom - verb - 1);
  const std::string_view path = shown.substr(0, shown.find('?'));
  copy_short(text.data() + verb + 1, path);

  {
    const VersionedWrite write{row.version};
    store_text(row.request, {text.data(), verb + 1 + path.size()});
    store_text(row.remote, remote);
    store_text(row.request_id, request_id);
    row.started_ns.store(now_ns, std::memory_order_relaxed);
    row.phase.store(static_cast<std::uint32_t>(Phase::handling),
                    std::memory_order_relaxed);
  }
}

void begin_request(ThreadRow& row, std::string_view method, std::string_view target,
                   std::string_view remote, std::string_view request_id,
                   std::uint64_t now_ns) noexcept {
  show_request(row, method, target, remote, request_id, now_ns);
  add(row.sequence);
  add(row.requests);
}

namespace {

void count_response(ThreadRow& row, int status, std::uint64_t bytes_in,
                    std::uint64_t bytes_out, std::uint64_t duration_ns,
                    std::uint64_t first_byte_ns) noexcept {
  const std::uint64_t us = duration_ns / 1000;
  const std::size_t row_class =
      status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100 - 1) : 5;
  add(row.responses[row_class]);
  const std::size_t bucket = bucket_of(us);
  add(row.duration[row_class][bucket]);
  add(row.duration_sum_us[row_class], us);
  const std::uint64_t first_us = first_byte_ns == 0 ? us : first_byte_ns / 1000;
  add(row.first_byte[row_class][first_byte_ns == 0 ? bucket : bucket_of(first_us)]);
  add(row.first_byte_sum_us[row_class], first_us);
  if (bytes_in != 0) add(row.bytes_in, bytes_in);
  if (bytes_out != 0) add(row.bytes_out, bytes_out);
}

void set_idle(ThreadRow& row) noexcept {
  row.phase.store(static_cast<std::uint32_t>(Phase::idle), std::memory_order_relaxed);
  row.started_ns.store(0, std::memory_order_release);
}

}  // namespace

void end_request(ThreadRow& row, int status, std::uint64_t bytes_in,
                 std::uint64_t bytes_out, std::uint64_t duration_ns,
                 std::uint64_t first_byte_ns) noexcept {
  count_response(row, status, bytes_in, bytes_out, duration_ns, first_byte_ns);
  set_idle(row);
}

void expire_request(ThreadRow& row, int status, std::uint64_t bytes_in,
                    std::uint64_t duration_ns) noexcept {
  count_response(row, status, bytes_in, 0, duration_ns, 0);
  row.phase.store(static_cast<std::uint32_t>(Phase::expired),
                  std::memory_order_relaxed);
}

void end_expired(ThreadRow& row) noexcept {
  set_idle(row);
}

void note_sighting(ThreadRow& row, const Sighting& sighting,
                   std::uint64_t now_ns) noexcept {
  SightingRow* chosen = row.sightings.data();
  bool known = false;
  for (SightingRow& one : row.sightings) {
    const std::uint64_t seen = one.seen_ns.load(std::memory_order_relaxed);
    known = seen != 0 && holds_text(one.path, sighting.path) &&
            holds_text(one.host, sighting.host);
    if (known || seen < chosen->seen_ns.load(std::memory_order_relaxed)) chosen = &one;
    if (known) break;
  }
  const VersionedWrite write{chosen->version};
  if (!known) {
    store_text(chosen->host, sighting.host);
    store_text(chosen->path, sighting.path);
    for (auto& client : chosen->clients) client.store(0, std::memory_order_relaxed);
  }
  chosen->secure.store(sighting.secure ? 1 : 0, std::memory_order_relaxed);
  chosen->seen_ns.store(now_ns, std::memory_order_relaxed);
  for (auto& client : chosen->clients) {
    const std::uint64_t before = client.load(std::memory_order_relaxed);
    if (before == sighting.client) break;
    if (before != 0) continue;
    client.store(sighting.client, std::memory_order_relaxed);
    break;
  }
}

void note_queue_time(ThreadRow& row, std::uint64_t us) noexcept {
  add(row.queue[bucket_of(us)]);
  add(row.queue_sum_us, us);
}

}  // namespace monodon::scoreboard

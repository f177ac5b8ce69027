// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the page of a worker that writes there what it likes.
#include <sys/mman.h>

#include <algorithm>

#include "scoreboard/page.h"
#include "scoreboard/page_view.h"
#include "scoreboard/segment.h"
#include "tests/fuzz/target.h"

namespace monodon {
namespace {

using namespace scoreboard;

constexpr std::size_t kMaxThreads = 4;

bool is_bounded(const ThreadReport& thread) {
  return thread.remote.size() <= sizeof(ThreadRow::remote) &&
         thread.request_id.size() <= sizeof(ThreadRow::request_id) &&
         thread.request.size() <= sizeof(ThreadRow::request) &&
         (!thread.torn || (thread.remote + thread.request_id + thread.request).empty());
}

std::string strange_page(std::string_view input, std::uint32_t seed) {
  const std::size_t threads = 1 + seed % kMaxThreads;
  auto page = make_page(threads);
  if (!page) return {};
  const std::size_t size = sizeof(WorkerHeader) + threads * sizeof(ThreadRow);
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, page.value().get(), 0);
  if (memory == MAP_FAILED) return {};
  auto* const bytes = static_cast<char*>(memory);
  // The input over and over, so that a short one reaches each row.
  for (std::size_t at = 0; at < size && !input.empty(); at += input.size())
    std::copy_n(input.data(), std::min(input.size(), size - at), bytes + at);
  const bool sealed = seal_for_owner(page.value().get()).has_value();
  const auto view = PageView::open(page.value().get(), threads);
  const auto report = view ? view.value().read() : WorkerReport{};
  const std::uint64_t heartbeat = view ? view.value().heartbeat_ns() : 0;
  (void)::munmap(memory, size);
  if (!sealed) return "a page that cannot be sealed";
  if (!view) return "a page that is not taken";
  if (PageView::open(page.value().get(), threads + 64))
    return "a page that is shorter than its rows";
  if (report.threads.size() != threads) return "rows that there are not";
  if (heartbeat != report.heartbeat_ns) return "two heartbeats of one page";
  if (!std::all_of(report.threads.begin(), report.threads.end(), is_bounded))
    return "texts that do not fit into their row";
  if (name_of(report.state).empty()) return "a state without a name";
  return {};
}

const fuzz::Target kPageTarget{"page", strange_page};

}  // namespace
}  // namespace monodon

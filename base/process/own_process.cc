// SPDX-License-Identifier: Apache-2.0
// The mark that no child inherits.
#include "base/process/own_process.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace monodon {

namespace {

using Mark = std::atomic<std::uint32_t>;

Mark unclaimed{1};
Mark* claimed = nullptr;

// Where the kernel gives no page, or does not wipe it (before Linux 4.14, some
// sandboxes), the mark is that of disown_process().
Mark* make_mark() noexcept {
  static Mark plain{0};
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return &plain;
  (void)::madvise(page, size, MADV_WIPEONFORK);
  return new (page) Mark{0};
}

}  // namespace

const std::atomic<std::uint32_t>* detail::own_mark = &unclaimed;

void claim_process() noexcept {
  if (claimed == nullptr) claimed = make_mark();
  claimed->store(1);
  detail::own_mark = claimed;
}

void disown_process() noexcept {
  if (claimed != nullptr) claimed->store(0);
}

}  // namespace monodon

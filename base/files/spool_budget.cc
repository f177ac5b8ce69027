// SPDX-License-Identifier: Apache-2.0
// Counts what the workers of a generation hold in spool files.
#include "base/files/spool_budget.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace monodon {

namespace {

constexpr std::uint32_t kSlots = 2048;  // more than the master ever has

struct Held {
  std::atomic<std::uint64_t> bytes;
  std::atomic<pid_t> pid;
};

struct Shared {
  std::array<Held, kSlots> slots;

  [[nodiscard]] std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const Held& held : slots) {
      // A number that no worker of ours wrote cannot make the sum small.
      const std::uint64_t one = held.bytes.load(std::memory_order_acquire);
      sum = sum + one < sum ? UINT64_MAX : sum + one;
    }
    return sum;
  }

  // Files of a worker that was killed went with it; its slot may rest for a while.
  void forget_the_dead() noexcept {
    for (Held& held : slots) {
      std::uint64_t seen = held.bytes.load(std::memory_order_acquire);
      const pid_t pid = held.pid.load(std::memory_order_acquire);
      if (seen != 0 && pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
        held.bytes.compare_exchange_strong(seen, 0, std::memory_order_acq_rel);
    }
  }
};

Shared* shared = nullptr;
std::uint64_t most = 0;
std::uint32_t own = 0;

}  // namespace

void SpoolBudget::open(std::uint64_t limit) noexcept {
  void* const mapped = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return;
  if (shared != nullptr) (void)::munmap(shared, sizeof(Shared));
  shared = static_cast<Shared*>(mapped);  // zeroes
  most = limit;
}

void SpoolBudget::begin(std::uint32_t slot) noexcept {
  if (shared == nullptr) return;
  own = slot % kSlots;
  shared->slots[own].bytes.store(0, std::memory_order_release);
  shared->slots[own].pid.store(::getpid(), std::memory_order_release);
}

bool SpoolBudget::take(std::uint64_t bytes) noexcept {
  if (shared == nullptr) return true;
  // Taken first: two that come at once may both be refused, never both be let in.
  shared->slots[own].bytes.fetch_add(bytes, std::memory_order_acq_rel);
  if (shared->total() <= most) return true;
  shared->forget_the_dead();
  if (shared->total() <= most) return true;
  give(bytes);
  return false;
}

void SpoolBudget::give(std::uint64_t bytes) noexcept {
  if (shared != nullptr)
    shared->slots[own].bytes.fetch_sub(bytes, std::memory_order_acq_rel);
}

}  // namespace monodon

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace monodon {

// CLOCK_MONOTONIC everywhere; wall time is only for what people read (Date, logs).
using Clock = std::chrono::steady_clock;

// Nanoseconds of CLOCK_MONOTONIC, comparable between processes of one machine.
[[nodiscard]] inline std::uint64_t monotonic_ns() noexcept {
  timespec t{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

// Time from `since` to `now`, 0 if `since` is later: another thread may have taken it
// after this one read the clock.
[[nodiscard]] constexpr std::uint64_t elapsed_ns(std::uint64_t since,
                                                 std::uint64_t now) noexcept {
  return now > since ? now - since : 0;
}

}  // namespace monodon

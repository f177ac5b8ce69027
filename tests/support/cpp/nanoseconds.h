// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace monodon::test {

// Times of the scoreboard are nanoseconds.
inline constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace monodon::test

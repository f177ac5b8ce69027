// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "master/config/table.h"

namespace monodon::master::rows {

// What ranges are written in: milliseconds and bytes.
inline constexpr std::uint64_t kSecond = 1000;
inline constexpr std::uint64_t kMinute = 60 * kSecond;
inline constexpr std::uint64_t kHour = 60 * kMinute;
inline constexpr std::uint64_t kDay = 24 * kHour;
inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// The rows of the table, by group; read them through setting_groups().
std::span<const Setting> application();
std::span<const Setting> listeners();
std::span<const Setting> workers();
std::span<const Setting> recycling();
std::span<const Setting> process();
std::span<const Setting> development();
std::span<const Setting> deadlines();
std::span<const Setting> limits();
std::span<const Setting> websockets();
std::span<const Setting> proxy();
std::span<const Setting> responses();
std::span<const Setting> logs();
std::span<const Setting> metrics();

}  // namespace monodon::master::rows

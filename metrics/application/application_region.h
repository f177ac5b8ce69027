// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace monodon::metrics {

// The shared memory in which the workers keep the metrics of the application
// (worker/python/_monodon_prometheus.py writes it,
// metrics/application/application_metrics.h reads it). One sealed memfd
// (SHRINK|GROW|SEAL) for the life of a master, native byte order:
//
//   header   kRegionMagic, entries in use, series dropped (u64 each), to 4096 bytes
//   entries  kRegionEntries of kRegionEntrySize bytes: length of the key (u32, written
//            last), 1 for a gauge (u32), the key as JSON
//            [type, mode, metric, sample, {labels}, help]
//   columns  kRegionSlots, one for each slot of the scoreboard, of kRegionEntries
//   cells:
//            value, time (double each), pid of the worker that wrote it last (u64)
//
// A cell has one writer, the worker in its slot. A new worker counts on where the last
// one stopped, so nothing grows with the number of workers or generations.
inline constexpr std::uint64_t kRegionMagic = 0x315050414e444e4d;  // "MNDNAPP1"
inline constexpr std::size_t kRegionHeader = 4096;
inline constexpr std::size_t kRegionEntries = 4096;
inline constexpr std::size_t kRegionEntrySize = 1024;
inline constexpr std::size_t kRegionSlots = 1024;
inline constexpr std::size_t kRegionCellSize = 24;
inline constexpr std::size_t kRegionColumns =
    kRegionHeader + kRegionEntries * kRegionEntrySize;
inline constexpr std::size_t kRegionColumnSize = kRegionEntries * kRegionCellSize;
// Address space, not memory: what nobody wrote takes none.
inline constexpr std::size_t kRegionSize =
    kRegionColumns + kRegionSlots * kRegionColumnSize;

// The descriptor of the region in a zygote, beside its channel.
inline constexpr int kRegionFd = 4;

// Master, its thread: the region, made at the first call; -1 when it cannot be made,
// which is said once and costs the application's metrics alone.
int application_region();

}  // namespace monodon::metrics

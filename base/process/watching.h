// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

namespace monodon {

// What the watcher of `reload` (cli/watch) and the master that starts it agree on: they
// are two processes, which may be of two versions for the time of an upgrade.

// Changes that do not end are told after this long: one of which nothing was told when
// the watcher died is younger.
inline constexpr std::chrono::seconds kLongestBurst{5};
// Bytes of one message, which says what has changed.
inline constexpr std::size_t kLongestNotice = 1024;

}  // namespace monodon

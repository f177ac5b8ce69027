// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scoreboard/page.h"

namespace monodon::scoreboard {

// Owner thread only: shows a request that was begun before, after end_request() of
// another that ran at the same time.
void show_request(ThreadRow& row, std::string_view method, std::string_view target,
                  std::string_view remote, std::string_view request_id,
                  std::uint64_t started_ns) noexcept;

}  // namespace monodon::scoreboard

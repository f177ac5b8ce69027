// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/live/server_status.h"

namespace monodon::cli {

// A thread of a worker as faulthandler wrote it down, the innermost frame first.
struct TracedThread {
  std::string
      name;  // "main", "monodon-1"; "0x7f07acafd6c0": one of the application's own
  bool holds_gil = false;
  std::vector<std::string> frames;  // '  File "/a.py", line 3 in f'
};

[[nodiscard]] std::vector<TracedThread> read_threads(std::string_view stacks);

// Without what tells nothing: frames of the server and of the start of a thread are
// left out, frames of libraries are counted where the application's own are around
// them, and so are those after the innermost three.
[[nodiscard]] std::vector<std::string> folded(const std::vector<std::string>& frames);

// The stacks of one worker: each thread with the request that it runs and the GIL if it
// has it, and how many threads are idle. `everything`: all threads, every frame. ""
// where nothing but that it is idle could be said. Safe to print. Pure.
[[nodiscard]] std::string trace_text(const SlotStatus& slot, std::string_view stacks,
                                     std::uint64_t now_ns, bool everything);

}  // namespace monodon::cli

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace monodon::worker {

// What the application's logger has made of the access line of a request: nothing, or a
// text of its own in place of the server's. Worker.
class OwnLine {
 public:
  enum class Way : std::uint8_t { servers, none, text };

  // For the request that this thread runs; the thread that runs it.
  static void choose(Way way, std::string_view text = {});

  // What was chosen since the last call, by this thread. `text` is good until the next
  // choice. Costs one read of memory where no application ever chooses.
  static Way take(std::string_view& text) {
    return used_.load(std::memory_order_relaxed) ? take_chosen(text) : Way::servers;
  }

 private:
  static Way take_chosen(std::string_view& text);

  static std::atomic<bool> used_;
};

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace monodon::metrics {

// How the present reload goes and how the last one ended, as the master tells it to the
// exporter, for people. Texts are lines that can be printed (base/text/text.h).
struct ReloadStory {
  // What an application prints has no limit; the end of it is kept, which says most.
  // Every byte of it escaped, it still fits into a packet of the channel.
  static constexpr std::size_t kLongestReason = 24 * 1024;

  std::string step;              // that it is in (ReloadStep); "": none is under way
  std::uint32_t generation = 0;  // that it brings in; 0: not known yet
  std::string text;              // a sentence about this step
  double began_unix = 0;

  // committed, refused, rolled_back, fell_back, stopped; "": there was none yet
  std::string last_outcome;
  std::uint32_t last_generation = 0;  // that it was to bring in; 0: it came to none
  double last_ended_unix = 0;
  double last_took = 0;     // seconds
  std::string last_reason;  // many lines; "" if it was committed

  bool operator==(const ReloadStory&) const = default;
};

// Whether the last reload that ended brought no new code: refused, or taken back.
[[nodiscard]] inline bool has_failed(const ReloadStory& story) {
  return story.last_outcome == "refused" || story.last_outcome == "rolled_back" ||
         story.last_outcome == "fell_back";
}

}  // namespace monodon::metrics

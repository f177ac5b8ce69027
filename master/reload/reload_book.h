// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "metrics/observation/reload_story.h"

namespace monodon::master {

// Keeps what is told of the present reload and of the last one, for whoever asks later
// and was no client of it. Master only; asks the wall clock, nothing else.
class ReloadBook {
 public:
  // A reload, or the first start.
  void begin();
  void step(std::string_view name, std::uint32_t generation, std::string_view text);
  // `reason`: any bytes, of any length. Without an outcome it is the end of what
  // fell_back() told of.
  void end(std::string_view outcome, std::uint32_t generation, std::string_view reason,
           Clock::duration took);
  // The first start worked, which is no reload.
  void started();
  // Not after a reload: the code that was committed could not be kept.
  void fell_back(std::uint32_t generation, std::string_view reason);

  [[nodiscard]] const metrics::ReloadStory& story() const { return story_; }
  // Changes with the story.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  void note(std::string_view outcome, std::uint32_t generation,
            std::string_view reason);
  void close();

  metrics::ReloadStory story_;
  double committed_took_ = 0;  // seconds; the last one that was
  std::uint64_t revision_ = 0;
};

}  // namespace monodon::master

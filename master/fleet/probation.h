// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "master/fleet/pool.h"

namespace monodon::master {

// What the ends of its workers say about a generation that was committed: whether they
// can be kept serving. A worker that was asked to go says nothing, nor does one that
// the kernel's OOM killer ended: the old code would have had no more memory.
//
// Pure: the caller passes in what it saw.
class Probation {
 public:
  // The workers of the generation that serve at the moment of an end.
  struct Others {
    std::uint64_t most_answers = 0;  // of one of them, see well_answered()
    Clock::duration oldest{};        // age
  };

  // Answers that speak for the code: a 500, and the 504 of a request past its deadline,
  // do not.
  [[nodiscard]] static std::uint64_t well_answered(const Traffic& traffic);

  void heed(const News& end, const Others& others, Clock::duration healthy_after);

  // The zygote of the generation could not be started again, so that no worker can be.
  void heed_zygote(const std::string& why);

  // Why the code before it must come back; "" if it need not. `serves`: some worker
  // does.
  [[nodiscard]] std::string verdict(std::size_t wanted, bool serves) const;

 private:
  std::uint64_t short_lives_ = 0;  // in a row: ends before healthy_after
  std::uint64_t in_requests_ = 0;  // ends while a request ran
  bool proven_ = false;            // some worker has answered enough
  std::string last_;               // account of the last end that counted
};

}  // namespace monodon::master

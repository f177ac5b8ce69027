// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace monodon::worker {

// Which refusals the log is told of: the first for each reason, and then one a minute,
// with the number of those between. So an operator sees why a client was refused, and
// a client that is refused a million times fills no disk. Leader and keeper.
class Refusals {
 public:
  static constexpr std::uint64_t kPauseNs = 60'000'000'000;

  struct Verdict {
    bool tell = false;
    std::uint64_t untold = 0;  // for this reason, since the last that was told
  };
  // `reason`: a constant, of which the server has some fifty.
  [[nodiscard]] Verdict note(std::string_view reason, std::uint64_t now_ns);

 private:
  struct Reason {
    std::string_view text;
    std::uint64_t told_ns = 0;
    std::uint64_t untold = 0;
  };
  std::mutex mutex_;
  std::vector<Reason> reasons_;
};

}  // namespace monodon::worker

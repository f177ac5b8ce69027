// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monodon::worker {

// Requests that new code answers before it serves, and what came of them: texts of the
// frames `rehearse` and `rehearsed` (worker/wire/wire.h).
struct Rehearsed {
  enum class Ending : std::uint8_t {
    unfinished,  // not in time, or (`reason`) never begun: says nothing
    answered,    // with `status`, below 500
    failed,      // an exception, 5xx, or the end of the process: `reason`
  };
  std::string target;  // "/path" or "https://host/path"
  Ending ending = Ending::unfinished;
  std::string reason;  // several lines, perhaps; cut to fit into a frame
  int status = 0;
  // It imported a file that is newer than the code it is of: not that code answered.
  bool newer = false;
};

std::string to_json(const std::vector<std::string>& targets);
Result<std::vector<std::string>> targets_from_json(std::string_view json);
std::string to_json(const std::vector<Rehearsed>& all);
Result<std::vector<Rehearsed>> rehearsed_from_json(std::string_view json);

}  // namespace monodon::worker

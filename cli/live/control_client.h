// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::cli {

struct Answer {
  std::string line;  // JSON, without the newline
  std::vector<UniqueFd> fds;
};

// One question that is answered with one or more lines.
class Conversation {
 public:
  static Result<Conversation> begin(const std::string& socket_path,
                                    std::string_view line);
  // The next line, with the descriptors that came by then.
  Result<Answer> next(Clock::time_point until);

 private:
  std::string path_;
  UniqueFd socket_;
  Answer read_;  // not yet a whole line
};

// Sends one line and waits for one line of answer, at most `patience`. A line that is
// an object with "error" is an Error with that text.
Result<Answer> ask(const std::string& socket_path, std::string_view line,
                   std::chrono::milliseconds patience);

}  // namespace monodon::cli

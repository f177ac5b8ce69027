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

// Whoever may write in the directory of a socket may play the server, and send
// descriptors whose close(2) waits (base/process/passed_fds.h): threads of Closer do
// that.
struct Answer {
  std::string line;  // JSON, without the newline
  std::vector<UniqueFd> fds;

  Answer() = default;
  Answer(Answer&&) noexcept = default;
  // By exchange: what this one had goes the way of the other's.
  Answer& operator=(Answer&& other) noexcept {
    line.swap(other.line);
    fds.swap(other.fds);
    return *this;
  }
  ~Answer();
};

// One question that is answered with one or more lines.
class Conversation {
 public:
  static Result<Conversation> begin(const std::string& socket_path,
                                    std::string_view line);
  Conversation(Conversation&&) noexcept = default;
  Conversation& operator=(Conversation&&) = delete;
  ~Conversation();

  // The next line, with the descriptors that came by then.
  Result<Answer> next(Clock::time_point until);

 private:
  Conversation() = default;

  std::string path_;
  UniqueFd socket_;
  Answer read_;  // not yet a whole line
  unsigned lines_ = 0;
};

// Sends one line and waits for one line of answer, at most `patience`. A line that is
// an object with "error" is an Error with that text.
Result<Answer> ask(const std::string& socket_path, std::string_view line,
                   std::chrono::milliseconds patience);

}  // namespace monodon::cli

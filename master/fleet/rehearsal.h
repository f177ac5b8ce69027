// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "master/fleet/kernel.h"
#include "worker/wire/rehearsal.h"

namespace monodon::master {

// Which requests new code answers inside itself before it serves, and what its answers
// mean. Pure.

// At most `most` targets of what at least three different clients asked for, the
// latest first; where there is nothing of the kind "/" of the site that was asked last.
// Rumours: what is not fit for a request is left out.
std::vector<std::string> choose_targets(const std::vector<Sighting>& sightings,
                                        std::size_t most);

// What came of a rehearsal so far. Only what the new code fails at twice, and the old
// code answers in between, is held against the new code: each is asked by the same
// requests, in a process that has answered nothing before, so a database that is down,
// or was down for a moment, refuses nothing. 4xx is held against it where no request is
// answered better, and the old code answers with 2xx: a site that knows its own name no
// more, say. A page that is gone is not.
struct Rehearsals {
  using Answers = std::vector<worker::Rehearsed>;
  Answers first;   // of the new code
  Answers old;     // of the code that serves, to what failed
  Answers second;  // of the new code, to what that one answered
  bool old_code_in_memory = true;
  std::vector<std::string> lately;  // targets that workers have answered with 2xx

  // What is to be asked next: of the code that serves if nothing came of it yet, else
  // of the new code once more. Empty: that was all.
  [[nodiscard]] std::vector<std::string> left_to_ask() const;
  // What is held against the new code, or nullptr.
  [[nodiscard]] const worker::Rehearsed* blame() const;
  // The same for people, the cause last; "" if nothing is.
  [[nodiscard]] std::string refusal() const;
  // What refuses nothing, and still somebody should look at: one line for each.
  [[nodiscard]] std::vector<std::string> warnings() const;
  // "3 requests rehearsed: all are answered", for people, in one line.
  [[nodiscard]] std::string account() const;

 private:
  // No request is answered better than with 4xx or 5xx.
  [[nodiscard]] bool turns_everybody_away() const;
  [[nodiscard]] bool old_code_answers(const std::string& target) const;
  [[nodiscard]] std::string unanswered() const;
};

}  // namespace monodon::master

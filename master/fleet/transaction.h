// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "master/fleet/kernel.h"
#include "master/fleet/pool.h"
#include "master/fleet/probation.h"
#include "master/fleet/rehearsal.h"
#include "master/fleet/reload_state.h"

namespace monodon::master {

// What is kept of a generation between two steps (master/fleet/reload_state.h). Nothing
// here acts; Fleet does.
struct Transaction {
  ReloadStep step = ReloadStep::none;
  std::uint32_t generation = 0;  // the new one
  ZygoteOrder order;             // until its zygote has it
  PoolSettings goal;             // its
  PoolSettings previous;         // to go back to
  std::size_t rehearse = 0;      // requests, at most
  Clock::duration rehearse_timeout{};
  Rehearsals rehearsals;       // what came of them
  std::uint32_t asked = 0;     // which generation answers them now
  Clock::duration observe{};   // length of the window; zero: none
  Clock::duration fallback{};  // after it, the old zygote stays parked; zero: not
  Clock::time_point until = Clock::time_point::max();    // the end of this step
  Clock::time_point look_at = Clock::time_point::max();  // at the answers
  Traffic before;  // answers of the workers that are replaced
  unsigned failed_forks = 0;
  Probation probation;            // once committed
  bool tolerates_errors = false;  // once committed it does in any case
  bool told_worse = false;        // that more is answered with 5xx

  // It may still be refused or rolled back; another one has to wait.
  [[nodiscard]] bool open() const {
    return step != ReloadStep::none && step != ReloadStep::restoring &&
           step != ReloadStep::parked;
  }
  // The pool is aimed at the new generation, and may be aimed back.
  [[nodiscard]] bool aimed() const {
    return step == ReloadStep::rolling || step == ReloadStep::observing;
  }
  [[nodiscard]] bool parked() const { return step == ReloadStep::parked; }
};

// "the new workers answered 7 of 12 requests with 5xx, those before them 0 of 400".
// Pure.
std::string compare(const Traffic& before, const Traffic& now);

// Whether the new workers answer clearly more often with 5xx than the old ones did: at
// least 5 times, and a share of their answers that is more than one percent above
// twice the share of before. Pure.
bool clearly_worse(const Traffic& before, const Traffic& now);

// Why the death or failure in `news` ends a transaction, for people; "" if it does not.
// Pure.
std::string failure_in(const News& news);

}  // namespace monodon::master

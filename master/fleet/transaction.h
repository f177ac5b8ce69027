// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "master/fleet/kernel.h"
#include "master/fleet/pool.h"

namespace monodon::master {

// How far a reload is. One that goes wrong before `rolling` is refused: nothing has
// changed. From then on it is rolled back, by the old zygote, which lives until then.
//
//   none -> importing -> canary -> rolling -> observing -> none     committed
//              |           |          |           |
//              +- refused -+          +-----------+-> restoring -> none
//
// The first start has nothing to keep, and is committed when the import works.
enum class ReloadStep : std::uint8_t {
  none,
  importing,  // a new zygote imports the application
  canary,     // one worker of the new generation starts; the old ones all serve on
  rolling,    // the old workers are replaced, one after the other
  observing,  // all are replaced; their answers are compared with those of before
  restoring,  // rolled back: workers of the old generation replace the new ones
};

constexpr const char* name_of(ReloadStep step) {
  constexpr const char* kNames[] = {"none",    "importing", "canary",
                                    "rolling", "observing", "restoring"};
  return kNames[static_cast<std::size_t>(step)];
}

// What is kept between two steps. Nothing here acts; Fleet does.
struct Transaction {
  ReloadStep step = ReloadStep::none;
  std::uint32_t generation = 0;  // the new one
  PoolSettings goal;             // its
  PoolSettings previous;         // to go back to
  Clock::duration observe{};     // length of the window; zero: none
  Clock::time_point observe_until{};
  Clock::time_point look_at = Clock::time_point::max();  // at the answers
  Traffic before;  // answers of the workers that are replaced
  unsigned failed_forks = 0;

  // It may still be refused or rolled back; another one has to wait.
  [[nodiscard]] bool open() const {
    return step != ReloadStep::none && step != ReloadStep::restoring;
  }
  // The pool is aimed at the new generation.
  [[nodiscard]] bool aimed() const {
    return step == ReloadStep::rolling || step == ReloadStep::observing;
  }
};

// Whether the new workers answer clearly more often with 5xx than the old ones did: at
// least 5 times, and a share of their answers that is more than one percent above
// twice the share of before. Pure.
bool clearly_worse(const Traffic& before, const Traffic& now);

// Why the death or failure in `news` ends a transaction, for people; "" if it does not.
// Pure.
std::string failure_in(const News& news);

}  // namespace monodon::master

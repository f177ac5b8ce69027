// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/drain.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

using monodon::worker::Drain;
using DrainState = Drain::State;

namespace {

constexpr std::array kStates{DrainState::serving, DrainState::to_others,
                             DrainState::to_heirs, DrainState::alone, DrainState::over};

}  // namespace

TEST_CASE("a worker on its way out never comes back, whatever it is told", "[drain]") {
  for (const DrainState from : kStates)
    for (const DrainState to : kStates) {
      Drain drain;
      drain.pass_to(from);
      CHECK(drain.pass_to(to) == from);
      CHECK(drain.pass_to(DrainState::serving) == std::max(from, to));
    }
}

TEST_CASE("only the first order to leave finds a worker that serves", "[drain]") {
  Drain drain;
  CHECK_FALSE(drain.under_way());
  CHECK(drain.pass_to(DrainState::to_others) == DrainState::serving);
  CHECK(drain.under_way());
  CHECK(drain.pass_to(DrainState::alone) == DrainState::to_others);
  CHECK_FALSE(drain.over());
  drain.pass_to(DrainState::over);
  CHECK(drain.over());
  CHECK(drain.under_way());
}

TEST_CASE("who leaves takes from the pair only when nobody else will", "[drain]") {
  for (const DrainState state : kStates) {
    Drain drain;
    drain.pass_to(state);
    CHECK(drain.takes() ==
          (state == DrainState::serving || state == DrainState::alone));
  }
}

TEST_CASE("connections are handed on while somebody is there to take them", "[drain]") {
  for (const DrainState state : kStates) {
    Drain drain;
    drain.pass_to(state);
    CHECK(drain.hands_on() == (state < DrainState::alone));
    // Other workers serve a silent client as well; heirs may be long in coming.
    CHECK(drain.closes_silent() == (state > DrainState::to_others));
  }
}

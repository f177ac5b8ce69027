// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/drain.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

using monodon::worker::Drain;
using State = Drain::State;

namespace {

constexpr std::array kStates{State::serving, State::to_others, State::to_heirs,
                             State::alone, State::over};

}  // namespace

TEST_CASE("a worker on its way out never comes back, whatever it is told", "[drain]") {
  for (const State from : kStates)
    for (const State to : kStates) {
      Drain drain;
      drain.pass_to(from);
      CHECK(drain.pass_to(to) == from);
      CHECK(drain.pass_to(State::serving) == std::max(from, to));
    }
}

TEST_CASE("only the first order to leave finds a worker that serves", "[drain]") {
  Drain drain;
  CHECK_FALSE(drain.under_way());
  CHECK(drain.pass_to(State::to_others) == State::serving);
  CHECK(drain.under_way());
  CHECK(drain.pass_to(State::alone) == State::to_others);
  CHECK_FALSE(drain.over());
  drain.pass_to(State::over);
  CHECK(drain.over());
  CHECK(drain.under_way());
}

TEST_CASE("who leaves takes from the pair only when nobody else will", "[drain]") {
  for (const State state : kStates) {
    Drain drain;
    drain.pass_to(state);
    CHECK(drain.takes() == (state == State::serving || state == State::alone));
  }
}

TEST_CASE("connections are handed on while somebody is there to take them", "[drain]") {
  for (const State state : kStates) {
    Drain drain;
    drain.pass_to(state);
    CHECK(drain.hands_on() == (state < State::alone));
    // Other workers serve a silent client as well; heirs may be long in coming.
    CHECK(drain.closes_silent() == (state > State::to_others));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "base/text/spell.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace std::chrono_literals;

TEST_CASE("durations are spelled for people", "[spell]") {
  CHECK(spell(5ms) == "5 ms");
  CHECK(spell(1500ms) == "1.5 s");
  CHECK(spell(9949ms) == "9.9 s");
  CHECK(spell(9960ms) == "10 s");
  CHECK(spell(59s) == "59 s");
  CHECK(spell(10min) == "10 min");
  CHECK(spell(26h) == "26 h");
  CHECK(spell(-1s) == "0 ms");
}

// SPDX-License-Identifier: Apache-2.0
#include "base/text/nearest.h"

#include <array>
#include <catch2/catch.hpp>

using namespace monodon;

TEST_CASE("an edit is a character in, out, changed or swapped with its neighbour",
          "[nearest]") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("serve", "serve") == 0);
  CHECK(edit_distance("serv", "serve") == 1);
  CHECK(edit_distance("sreve", "serve") == 1);
  CHECK(edit_distance("--jsno", "--json") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("what was meant is near, or there is no suggestion", "[nearest]") {
  constexpr std::array<std::string_view, 4> kKnown{"serve", "check", "status", "ls"};
  CHECK(nearest("chek", kKnown) == "check");
  CHECK(nearest("sevre", kKnown) == "serve");
  CHECK(nearest("statsu", kKnown) == "status");
  CHECK(nearest("frobnicate", kKnown).empty());
  CHECK(nearest("xy", kKnown).empty());
}

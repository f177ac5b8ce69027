// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/rehearsal.h"

#include <catch2/catch.hpp>

using namespace monodon::master;
using monodon::worker::Rehearsed;
using Ending = Rehearsed::Ending;

namespace {

using Targets = std::vector<std::string>;

}  // namespace

TEST_CASE("rehearsed is what three clients asked for, the latest first",
          "[rehearsal]") {
  const std::vector<Sighting> seen{
      {"http://a/old", {1, 2, 3}, 10},      {"http://a/new", {1, 2}, 20},
      {"http://a/new", {2, 3}, 30},         {"http://a/one", {1, 1, 1}, 40},
      {"http://a/two", {1, 2}, 50},         {"http://a/b ad", {1, 2, 3}, 60},
      {"http://a/\r\nX: y", {1, 2, 3}, 60}, {"http://a/last", {4, 5, 6}, 5}};
  CHECK(choose_targets(seen, 2) == Targets{"http://a/new", "http://a/old"});
  CHECK(choose_targets(seen, 9).size() == 3);
  CHECK(choose_targets({}, 3) == Targets{"/"});
  CHECK(choose_targets(seen, 0).empty());
}

TEST_CASE(
    "where no path is popular, the site that was asked last is asked for its home",
    "[rehearsal]") {
  CHECK(choose_targets(
            {{"http://a", {}, 10}, {"https://b/c/d", {1}, 20}, {"http://c\r", {}, 30}},
            3) == Targets{"https://b/"});
  CHECK(choose_targets({{"http://a", {}, 10}}, 1) == Targets{"http://a/"});
}

TEST_CASE("new code is blamed for what it fails at twice and the old code answers",
          "[rehearsal]") {
  Rehearsals all;
  all.first = {{"/a", Ending::answered, ""},
               {"/b", Ending::failed, "KeyError\nmore"},
               {"/c", Ending::failed, "no"},
               {"/d", Ending::unfinished, ""}};
  CHECK(all.left_to_ask() == Targets{"/b", "/c"});
  CHECK(all.account() ==
        "4 requests rehearsed: 1 answered, 1 not in time; GET /b fails: KeyError (the "
        "old code could not be asked); GET /c fails: no (the old code could not be "
        "asked)");
  all.old = {{"/b", Ending::failed, ""}, {"/c", Ending::unfinished, ""}};
  CHECK(all.left_to_ask().empty());
  CHECK(all.blame() == nullptr);
  all.old_code_in_memory = false;
  CHECK(all.account().find("with what is on the disk as well") != std::string::npos);
  all.old_code_in_memory = true;
  all.old = {{"/b", Ending::failed, ""}, {"/c", Ending::answered, ""}};
  CHECK(all.left_to_ask() == Targets{"/c"});
  CHECK(all.blame() == nullptr);
  all.second = {{"/c", Ending::unfinished, ""}};
  CHECK(all.blame() == nullptr);
  all.second = {{"/c", Ending::answered, ""}};
  CHECK(all.blame() == nullptr);
  CHECK(all.left_to_ask().empty());
  CHECK(all.account() ==
        "4 requests rehearsed: 1 answered, 1 not in time; GET /b fails: KeyError, with "
        "the old code as well; GET /c fails: no, but not when it is asked again");
  all.second = {{"/c", Ending::failed, "yes"}};
  CHECK(all.blame() == &all.second[0]);
}

TEST_CASE("what came of a rehearsal is told in one line", "[rehearsal]") {
  CHECK(Rehearsals{.first = {{"/", Ending::answered, ""}}, .old = {}, .second = {}}
            .account() == "1 request rehearsed: it is answered");
  CHECK(Rehearsals{}.account() ==
        "the rehearsal did not end in time, which is no failure");
}

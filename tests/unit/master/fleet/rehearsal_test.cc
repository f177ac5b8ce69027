// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/rehearsal.h"

#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/support/cpp/toy_reload.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;
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

TEST_CASE("new code is blamed if it turns everybody away whom the old code lets in",
          "[rehearsal]") {
  const auto answer = [](const char* target, int status) {
    return Rehearsed{target, Ending::answered, "", status};
  };
  Rehearsals all;
  all.first = {answer("/a", 400), answer("/b", 400), answer("/c", 403)};
  CHECK(all.left_to_ask() == Targets{"/a", "/b", "/c"});
  all.old = {answer("/a", 200), answer("/b", 302), answer("/c", 204)};
  CHECK(all.left_to_ask() == Targets{"/a", "/c"});
  CHECK(all.refusal().empty());
  all.second = {answer("/a", 400), answer("/c", 400)};
  CHECK(all.left_to_ask().empty());
  CHECK(all.refusal() ==
        "GET /a is answered with 400 in the new code, and with 200 by the old code; "
        "nothing that was rehearsed is answered better. If that is meant, use `monodon "
        "reload --no-rehearsal`");

  SECTION("but not if another moment might answer better") {
    all.second[1] = answer("/c", GENERATE(200, 302, 429));
    CHECK(all.refusal().empty());
  }
  SECTION("nor if the second time says nothing") {
    all.second[1] = {"/c", Ending::unfinished, ""};
    CHECK(all.refusal().empty());
  }
  SECTION("what fails is told rather") {
    all.second[1] = {"/c", Ending::failed, "KeyError"};
    CHECK(all.refusal() ==
          "GET /c fails in the new code, and the old code answers it: KeyError");
  }
}

TEST_CASE("pages that are gone, or closed, are no reason while others are answered",
          "[rehearsal]") {
  const auto answer = [](const char* target, int status) {
    return Rehearsed{target, Ending::answered, "", status};
  };
  Rehearsals all;
  all.first = {answer("/a", 404), answer("/b", GENERATE(200, 302))};
  CHECK(all.left_to_ask().empty());
  CHECK(all.account() == "2 requests rehearsed: all are answered; GET /a with 404");
  all.first = {answer("/a", 404), {"/b", Ending::unfinished, ""}};
  CHECK(all.left_to_ask().empty());
  all.first = {answer("/a", GENERATE(408, 429))};
  CHECK(all.left_to_ask().empty());
  // A single page says nothing about the site, unless it is the first one.
  all.first = {answer("https://a.test/gone", GENERATE(404, 410))};
  CHECK(all.left_to_ask().empty());
  CHECK(all.warnings().empty());
  all.lately = {"https://a.test/gone"};
  REQUIRE(all.warnings().size() == 1);
  CHECK(
      all.warnings()[0].starts_with("GET https://a.test/gone, which workers answered "
                                    "well lately, is answered with 4"));
  all.first = {answer(GENERATE("/", "https://a.test/"), 404)};
  CHECK(all.left_to_ask().size() == 1);
  all.first = {answer("https://a.test/closed", 403)};
  CHECK(all.left_to_ask().size() == 1);
}

TEST_CASE("what workers answered well lately and now fails everywhere is a warning",
          "[rehearsal]") {
  Rehearsals all;
  all.first = {{"/a", Ending::failed, "KeyError: 'a'\nmore"}};
  all.old = {{"/a", Ending::failed, "KeyError"}};
  CHECK(all.warnings().empty());
  all.lately = {"/b", "/a"};
  CHECK(
      all.warnings() ==
      Targets{"GET /a, which workers answered well lately, fails in the new code, and "
              "now with the old code as well: KeyError: 'a'"});
  all.old_code_in_memory = false;
  CHECK(all.warnings()[0].find("with what is on the disk as well: Key") !=
        std::string::npos);
  all.old = {{"/a", Ending::unfinished, ""}};
  CHECK(all.warnings()[0].find("the old code could not be asked: Key") !=
        std::string::npos);
  all.old = {{"/a", Ending::answered, "", 200}};
  all.second = {{"/a", Ending::answered, "", 200}};
  CHECK(all.warnings().empty());
  all.first = {{"/a", Ending::unfinished, ""}};
  CHECK(
      all.warnings().at(0).ends_with("lately, is not answered in time "
                                     "(rehearse_timeout) by the new code"));
  all.first = {{"/a", Ending::unfinished, "post_fork raised"}};
  CHECK(all.warnings().empty());
}

TEST_CASE("what came of a rehearsal is told in one line", "[rehearsal]") {
  CHECK(Rehearsals{.first = {{"/a", Ending::unfinished, "KeyError\nmore"},
                             {"/b", Ending::unfinished, "KeyError\nmore"},
                             {"/c", Ending::unfinished, ""}},
                   .old = {},
                   .second = {}}
            .account() ==
        "3 requests rehearsed: 0 answered, 1 not in time, 2 without an answer: "
        "KeyError");
  CHECK(Rehearsals{.first = {{"/", Ending::answered, ""}}, .old = {}, .second = {}}
            .account() == "1 request rehearsed: it is answered");
  CHECK(Rehearsals{}.account() ==
        "the rehearsal did not end in time, which is no failure");
}

TEST_CASE("what clients asked a worker for is known after its death", "[rehearsal]") {
  ToyFleet toy;
  toy.fleet.propose({{}, {.workers = 1, .boot_timeout = 30s}});
  toy.zygote_loads(1);
  toy.zygote_forks(1);
  toy.everybody_is_ready();
  toy.system.asked_for = {{"http://a.test/cart", {1, 2, 3}, 7}};
  toy.worker_dies(1, {true, false, SIGKILL});
  toy.fleet.tick();
  toy.system.asked_for.clear();
  toy.fleet.propose({{}, {.workers = 1, .boot_timeout = 30s}, 0s, 0s, 3, 5s});
  toy.zygote_loads(2);
  REQUIRE(toy.system.rehearsals.size() == 1);
  CHECK(toy.system.rehearsals[0] == std::vector<std::string>{"http://a.test/cart"});
}

TEST_CASE("old code that fails with a file of the new code in hand excuses nothing",
          "[rehearsal]") {
  Rehearsals all;
  all.first = {{"/lazy", Ending::failed, "SyntaxError"}};
  all.old = {{.target = "/lazy", .ending = Ending::failed, .newer = true}};
  CHECK(all.left_to_ask().empty());  // nobody has seen it answered
  all.lately = {"/lazy"};
  CHECK(all.left_to_ask() == Targets{"/lazy"});
  CHECK(all.warnings().empty());
  all.second = {{"/lazy", Ending::failed, "SyntaxError"}};
  CHECK(all.refusal() ==
        "GET /lazy fails in the new code, and workers of the old code answered it well "
        "lately: SyntaxError");
  all.second = {{"/lazy", Ending::answered}};
  CHECK(all.blame() == nullptr);
}

TEST_CASE("a rehearsal says whether a file of other code was read", "[rehearsal]") {
  const std::vector<worker::Rehearsed> all{{"/a", Ending::failed, "no", 500, true},
                                           {"/b", Ending::answered, "", 200, false}};
  const auto told = worker::rehearsed_from_json(worker::to_json(all));
  REQUIRE(told);
  CHECK(told.value()[0].newer);
  CHECK_FALSE(told.value()[1].newer);
}

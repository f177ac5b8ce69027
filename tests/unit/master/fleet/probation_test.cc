// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/probation.h"

#include <catch2/catch.hpp>
#include <csignal>

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

namespace {

News death(Clock::duration age, bool busy, std::uint64_t answers = 0,
           Death of = {true, false, SIGSEGV}) {
  News news;
  news.kind = News::Kind::gone;
  news.state = State::serving;
  news.death = of;
  news.age = age;
  news.last = {1, busy, {answers, 0}};
  return news;
}

// The verdict on `end`, `times` times, for `wanted` workers.
std::string verdict(const News& end, unsigned times, std::size_t wanted,
                    bool serves = false, Probation::Others others = {}) {
  Probation probation;
  for (unsigned i = 0; i < times; ++i) probation.heed(end, others, 10s);
  return probation.verdict(wanted, serves);
}

}  // namespace

TEST_CASE("three deaths in a request are enough, before ten answers of one worker",
          "[probation]") {
  CHECK(verdict(death(60s, true), 2, 4, true).empty());
  const std::string why = verdict(death(60s, true), 3, 4, true);
  CHECK(why.find("3 workers died while they ran a request") == 0);
  CHECK(why.find("SIGSEGV") != std::string::npos);
  CHECK(verdict(death(60s, false), 3, 4, true).empty());
  CHECK(verdict(death(60s, true, 10), 3, 4, true).empty());
  CHECK(verdict(death(60s, true), 3, 4, true, {.most_answers = 10}).empty());
}

TEST_CASE("workers that none outlives the first seconds cannot be kept",
          "[probation]") {
  CHECK(verdict(death(1s, false), 7, 4).empty());
  CHECK(verdict(death(1s, false), 8, 4).find("no worker can be kept serving") == 0);
  CHECK(verdict(death(1s, false), 8, 4, true).empty());
  CHECK(verdict(death(1s, false), 2, 1).empty());
  CHECK_FALSE(verdict(death(1s, false), 3, 1).empty());
  CHECK(verdict(death(11s, false), 8, 4).empty());
  CHECK(verdict(death(1s, false), 8, 4, false, {.oldest = 10s}).empty());
  News at_boot = death(60s, false);
  at_boot.state = State::starting;
  CHECK_FALSE(verdict(at_boot, 8, 4).empty());
}

TEST_CASE("workers that answer and are killed by somebody are no fault of the code",
          "[probation]") {
  const Death by_hand{true, false, GENERATE(SIGKILL, SIGTERM)};
  CHECK(verdict(death(1s, false, 10, by_hand), 20, 1).empty());
  // Nor are those that have not answered yet, unless it was while a request ran.
  CHECK(verdict(death(1s, false, 0, by_hand), 20, 1).empty());
  CHECK_FALSE(verdict(death(1s, true, 0, by_hand), 3, 1).empty());
  Probation probation;
  for (int i = 0; i < 2; ++i) probation.heed(death(1s, false), {}, 10s);
  probation.heed(death(1s, false, 500, by_hand), {}, 10s);
  probation.heed(death(1s, false), {}, 10s);
  CHECK(probation.verdict(1, false).empty());
}

TEST_CASE("workers that answer for some seconds and then crash cannot be kept",
          "[probation]") {
  const Death own = GENERATE(Death{true, false, SIGSEGV}, Death{true, false, SIGABRT},
                             Death{false, false, 3});
  CHECK(verdict(death(4s, false, 500, own), 3, 1).find("no worker can be kept") == 0);
  CHECK(verdict(death(4s, false, 500, own), 3, 1, true).empty());
  CHECK(verdict(death(11s, false, 500, own), 8, 1).empty());
  CHECK(verdict(death(4s, false, 500, own), 8, 1, false, {.oldest = 10s}).empty());
}

TEST_CASE("code that hangs in each request is as bad as code that dies in it",
          "[probation]") {
  News end = death(60s, true);
  end.asked_to_go = true;
  end.wear = Wear::stuck;
  CHECK(verdict(end, 2, 2, true).empty());
  CHECK(verdict(end, 3, 2, true).find("3 workers died while they ran a request") == 0);
  CHECK(verdict(end, 3, 2, true, {.most_answers = 10}).empty());
  end.last.traffic = {16, 16};  // with threads each request has its own 504
  CHECK_FALSE(verdict(end, 3, 2, true).empty());
  end.last.traffic = {26, 16};
  CHECK(verdict(end, 3, 2, true).empty());
}

TEST_CASE("who was asked to go or had no memory says nothing about the code",
          "[probation]") {
  News end = death(1s, true);
  SECTION("asked") {
    end.asked_to_go = true;
  }
  SECTION("the OOM killer") {
    end.out_of_memory = true;
  }
  CHECK(verdict(end, 20, 1).empty());
}

TEST_CASE("a zygote that cannot be started again keeps no worker", "[probation]") {
  Probation probation;
  for (int i = 0; i < 3; ++i) probation.heed_zygote("SyntaxError");
  CHECK(probation.verdict(1, true).empty());
  CHECK(probation.verdict(1, false).find("SyntaxError") != std::string::npos);
}

// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/learned.h"

#include <catch2/catch.hpp>

using monodon::master::is_import_line;
using monodon::master::LearnedImports;
using Lines = std::vector<std::string>;

TEST_CASE("what is no name of a module is no import", "[learned]") {
  for (const char* line : {"shop", "!shop.views", "_a.b1", "a.B_2"}) {
    CAPTURE(line);
    CHECK(is_import_line(line));
  }
  for (const char* line : {"", "!", ".a", "a.", "a..b", "1a", "a.1", "a b", "a;b",
                           "!!a", "a\tb", "os.system('x')", "\xc3\xa4"}) {
    CAPTURE(line);
    CHECK_FALSE(is_import_line(line));
  }
  CHECK(is_import_line(std::string(LearnedImports::kLongest, 'a')));
  CHECK_FALSE(is_import_line(std::string(LearnedImports::kLongest + 1, 'a')));
}

TEST_CASE("only what was found good is imported early, in the order of the workers",
          "[learned]") {
  LearnedImports learned;
  CHECK(learned.add("!shop.late\nreportlab\n"));
  CHECK(learned.add("reportlab\nno good\n!shop.later"));
  CHECK_FALSE(learned.add("!shop.later\nno good\n"));
  CHECK(learned.importable().empty());
  CHECK(learned.to_judge() == "!shop.late\nreportlab\n!shop.later\n");
  learned.judged("!shop.later\nunheard.of\n");
  learned.judged("!shop.late\n");
  CHECK(learned.importable() == Lines{"!shop.late", "!shop.later"});
  CHECK(learned.for_next_zygote() == learned.importable());
}

TEST_CASE("what one trial found good, the next one may find otherwise", "[learned]") {
  LearnedImports learned;
  (void)learned.add("a\nb\n");
  learned.judged("a\nb\n");
  learned.judge_anew();
  learned.judged("b\n");
  CHECK(learned.importable() == Lines{"b"});
}

TEST_CASE("what is the application's own and was not found good is compiled",
          "[learned]") {
  LearnedImports learned;
  (void)learned.add("!a\nb\n!c\n");
  learned.judged("!c\n");
  CHECK(learned.for_next_zygote() == Lines{"!c", "?!a"});
}

TEST_CASE("there is an end to what is learned", "[learned]") {
  LearnedImports many;
  for (int i = 0; i < 3000; ++i) (void)many.add("m" + std::to_string(i));
  CHECK(many.to_judge().find("m1999\n") != std::string::npos);
  CHECK(many.to_judge().find("m2000\n") == std::string::npos);

  LearnedImports large;
  for (int i = 0; i < 1000; ++i)
    (void)large.add(std::string(150, 'a') + std::to_string(i));
  CHECK(large.to_judge().size() <= LearnedImports::kMostBytes);
  CHECK(large.to_judge().size() > LearnedImports::kMostBytes - 200);
}

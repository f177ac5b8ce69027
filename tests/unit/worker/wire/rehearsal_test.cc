// SPDX-License-Identifier: Apache-2.0
#include "worker/wire/rehearsal.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "worker/wire/wire.h"

using namespace monodon::worker;

TEST_CASE("a rehearsal arrives as it was sent, and fits into a frame", "[rehearsal]") {
  using Ending = Rehearsed::Ending;
  const std::vector<std::string> targets{"/", "https://a.test/b"};
  CHECK(targets_from_json(to_json(targets)).value() == targets);
  std::vector<Rehearsed> all{
      {"/", Ending::answered, "", 404},
      {"/b", Ending::failed,
       "ValueError: \xff\n" + std::string(100'000, 'x') + "\nthe end"}};
  const auto back = rehearsed_from_json(to_json(all)).value();
  REQUIRE(back.size() == 2);
  CHECK(back[0].target == "/");
  CHECK(back[0].ending == Ending::answered);
  CHECK(back[0].status == 404);
  CHECK(back[1].ending == Ending::failed);
  CHECK(back[1].reason.starts_with("ValueError: "));
  CHECK(back[1].reason.ends_with("the end"));
  CHECK(back[1].reason.find(" characters are left out here") != std::string::npos);
  CHECK(to_json(std::vector<Rehearsed>(16, all[1])).size() < monodon::wire::kMaxText);
}

TEST_CASE("a traceback of some pages comes whole, a longer one in whole lines",
          "[rehearsal]") {
  std::string text;
  for (int i = 0; text.size() < 10'000; ++i)
    text += "line " + std::to_string(i) + " of it\n";
  const auto reason_of = [](const std::string& reason, std::size_t others) {
    const Rehearsed one{"/", Rehearsed::Ending::failed, reason, 0};
    const std::vector<Rehearsed> all(others + 1, one);
    return rehearsed_from_json(to_json(all)).value()[0].reason;
  };
  CHECK(reason_of(text, 2) == text);
  const std::string cut = reason_of(text, 9);
  CHECK(cut.size() < text.size());
  std::istringstream lines{cut};
  for (std::string line; std::getline(lines, line);)
    CHECK((line.starts_with("line ") || line.ends_with(" left out here ...")));
}

TEST_CASE("what is no rehearsal is refused", "[rehearsal]") {
  for (const char* text : {"", "{}", "[[]]", "[[\"/\", 3, \"\", 0]]",
                           "[[\"/\", 1, \"\"]]", "[[\"/\", -1, \"\", 0]]",
                           "[[\"/\", 1, \"\", -1]]", "[[\"/\", 1, \"\", 1000]]", "[1]"})
    CHECK_FALSE(rehearsed_from_json(text));
  CHECK_FALSE(targets_from_json("[1]"));
  CHECK_FALSE(targets_from_json("x"));
}

// SPDX-License-Identifier: Apache-2.0
#include "master/chronicle/reload_lines.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/log/log.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::master;

namespace {

// What is logged meanwhile.
template <typename Write>
std::string written(Write write) {
  const monodon::testing::Scratch scratch;
  REQUIRE(log::open({.path = scratch / "log", .format = "text", .level = "info"}));
  write();
  (void)log::open({});
  return scratch.read("log");
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("code that makes place for a newer edit is no error", "[chronicle]") {
  FleetNews news;
  news.generation = 7;
  const std::string refused = written([&] { write_refusal(news, "SyntaxError"); });
  CHECK(has(refused, "generation 7 was refused: SyntaxError"));
  CHECK(has(refused, "ERROR"));
  news.withdrawn = true;
  const std::string given_up = written([&] { write_refusal(news, "changed since"); });
  CHECK(has(given_up, "generation 7 is given up: changed since"));
  CHECK(has(given_up, "INFO"));
}

TEST_CASE("a rehearsal that leaves doubts is a warning", "[chronicle]") {
  FleetNews news;
  news.generation = 7;
  news.reason = "2 of 2";
  news.kind = FleetNews::Kind::rehearsed;
  CHECK(has(written([&] { write_rehearsal(news); }), "INFO"));
  news.kind = FleetNews::Kind::doubtful;
  CHECK(has(written([&] { write_rehearsal(news); }), "WARNING"));
}

TEST_CASE("the end of the way back says why, if it comes early", "[chronicle]") {
  FleetNews news;
  news.generation = 7;
  CHECK(farewell(news) ==
        "generation 7 has stood for its time; the code before it ends");
  news.reason = "memory is short";
  CHECK(farewell(news).starts_with("memory is short: the code before generation 7"));
}

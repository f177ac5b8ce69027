// SPDX-License-Identifier: Apache-2.0
// Every input that is kept for a fuzz target, run again.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/fuzz/target.h"

using namespace monodon;

namespace {

const std::filesystem::path kCorpus{MONODON_SOURCE_ROOT "/tests/fuzz/corpus"};

std::string read(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

TEST_CASE("each fuzz target holds for all that its corpus keeps", "[fuzz]") {
  REQUIRE_FALSE(fuzz::targets().empty());
  for (const fuzz::Target& target : fuzz::targets()) {
    INFO(target.name);
    std::size_t inputs = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator{kCorpus / target.name}) {
      INFO(entry.path());
      CHECK(target.run(read(entry.path())) == "");
      ++inputs;
    }
    CHECK(inputs > 0);
  }
}

TEST_CASE("each corpus has its target", "[fuzz]") {
  std::set<std::string> names;
  for (const fuzz::Target& target : fuzz::targets()) names.emplace(target.name);
  for (const auto& entry : std::filesystem::directory_iterator{kCorpus}) {
    INFO(entry.path());
    CHECK(names.count(entry.path().filename()) == 1);
  }
}

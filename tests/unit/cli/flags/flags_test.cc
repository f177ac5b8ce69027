// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/flags.h"

#include <catch2/catch.hpp>

namespace monodon::cli {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("flags of elsewhere become settings, notes and a file", "[flags]") {
  const auto flags = parse_flags({"-w", "3", "--no-sendfile", "--bind=:1", "-b", ":2",
                                  "--worker-tmp-dir", "/dev/shm", "-c", "g.py", "a:b"});
  REQUIRE(flags.has_value());
  CHECK(flags.value().complaints.empty());
  CHECK(flags.value().config_file == "g.py");
  REQUIRE(flags.value().notes.size() == 1);
  CHECK(flags.value().notes[0].starts_with("--worker-tmp-dir: "));
  Texts told;
  for (const master::Override& one : flags.value().overrides) {
    std::string text = one.origin + ":";
    for (const std::string& value : one.values) text += " " + value;
    told.push_back(text);
  }
  CHECK(told ==
        Texts{"APP_MODULE: a:b", "--bind: :1 :2", "--workers: 3", "--sendfile: false"});
}

TEST_CASE("flags that cannot be taken apart are told", "[flags]") {
  const auto cut = parse_flags({"--workers"});
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().what.starts_with("--workers"));
  const auto unknown = parse_flags({"--wrokers", "3"});
  REQUIRE(unknown.has_value());
  CHECK(unknown.value().complaints ==
        Texts{"--wrokers: unknown flag; did you mean --workers?"});
}

}  // namespace
}  // namespace monodon::cli

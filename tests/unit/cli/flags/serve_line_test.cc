// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/serve_line.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace monodon::cli {
namespace {

bool asks_for(const std::vector<master::Override>& overrides, const std::string& key,
              const std::string& value) {
  return std::any_of(overrides.begin(), overrides.end(), [&](const auto& o) {
    return o.key == key && o.values == std::vector{value};
  });
}

TEST_CASE("the line of a unit is read with the variables of that unit", "[flags]") {
  const auto line = parse_serve_line({"-c", "/etc/site.yaml", "--workers", "3", "a:b"},
                                     {{"MONODON_THREADS", "4"}});
  REQUIRE(line);
  CHECK(line.value().config_file == "/etc/site.yaml");
  CHECK(asks_for(line.value().arguments, "workers", "3"));
  CHECK(asks_for(line.value().arguments, "application", "a:b"));
  CHECK(asks_for(line.value().environment, "threads", "4"));
}

TEST_CASE("a flag that is none is what is wrong with the line of a unit", "[flags]") {
  const auto line = parse_serve_line({"--wrokers", "3"}, {});
  REQUIRE_FALSE(line);
  CHECK(line.error().message().find("--wrokers") != std::string::npos);
}

}  // namespace
}  // namespace monodon::cli

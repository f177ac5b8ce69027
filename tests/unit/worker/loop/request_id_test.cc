// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/request_id.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

using monodon::worker::RequestIds;

namespace {

std::string one(RequestIds& ids) {
  RequestIds::Id id{};
  ids.make(id);
  return {id.begin(), id.end()};
}

}  // namespace

TEST_CASE("request ids are hexadecimal and do not repeat", "[request_id]") {
  RequestIds ids;
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = one(ids);
    REQUIRE(id.find_first_not_of("0123456789abcdef") == std::string::npos);
    REQUIRE(seen.insert(id).second);
  }
}

TEST_CASE("a copy of a generator, as fork makes it, must be seeded anew",
          "[request_id]") {
  RequestIds parent;
  RequestIds child = parent;
  CHECK(one(child) == one(parent));
  child.reseed();
  CHECK(one(child) != one(parent));
}

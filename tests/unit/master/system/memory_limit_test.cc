// SPDX-License-Identifier: Apache-2.0
#include "master/system/memory_limit.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::master;

TEST_CASE("memory is short when less than a tenth of the limit is left",
          "[memory_limit]") {
  CHECK_FALSE(is_short({.used = 899, .limit = 1000}));
  CHECK(is_short({.used = 901, .limit = 1000}));
}

TEST_CASE("a cgroup's files say what it has and may have", "[memory_limit]") {
  const testing::Scratch scratch;
  const std::string directory = scratch / ".";
  const auto write = [&](const char* name, const char* text) {
    std::ofstream{directory + "/" + name} << text << "\n";
  };
  CHECK_FALSE(read_memory_use(directory));
  SECTION("version 2") {
    write("memory.max", "max");
    write("memory.current", "700");
    CHECK_FALSE(read_memory_use(directory));
    write("memory.max", "1000");
    write("memory.stat", "anon 5\nfile 400\ninactive_file 300\n");
    CHECK(read_memory_use(directory)->used == 400);
    CHECK(read_memory_use(directory)->limit == 1000);
    write("memory.high", "500");
    CHECK(read_memory_use(directory)->limit == 500);
  }
  SECTION("version 1") {
    write("memory.limit_in_bytes", "9223372036854771712");
    write("memory.usage_in_bytes", "700");
    CHECK_FALSE(read_memory_use(directory));
    write("memory.limit_in_bytes", "1000");
    write("memory.stat", "inactive_file 1\ntotal_inactive_file 300\n");
    CHECK(read_memory_use(directory)->used == 400);
  }
}

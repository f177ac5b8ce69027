// SPDX-License-Identifier: Apache-2.0
#include "base/machine/memory_size.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon;

TEST_CASE("memory is the machine's, and of the narrowest group", "[memory_size]") {
  const testing::Scratch scratch;
  const std::string tree = scratch / "tree";
  std::filesystem::create_directories(tree + "/a.slice/b.service");
  std::filesystem::create_directories(tree + "/memory/pod");
  const std::string own = scratch / "own";
  const std::string meminfo = scratch / "meminfo";
  const auto write = [](const std::string& path, const char* text) {
    std::ofstream{path} << text << "\n";
  };
  const auto all = [&] { return usable_memory({own, tree}, meminfo); };
  write(own, "0::/a.slice/b.service");
  write(meminfo, "MemTotal:        2048 kB\nMemFree: 7 kB");
  CHECK(all() == 2048 * 1024);
  write(tree + "/a.slice/b.service/memory.max", "max");
  CHECK(all() == 2048 * 1024);
  write(tree + "/a.slice/b.service/memory.max", "900000");
  CHECK(all() == 900000);
  write(tree + "/a.slice/memory.max", "800000");
  CHECK(all() == 800000);
  // Version 1, and in a container that does not see the group's own path.
  write(own, "3:cpu:/a.slice\n7:memory:/pod/gone");
  write(tree + "/memory/memory.limit_in_bytes", "9223372036854771712");
  CHECK(all() == 2048 * 1024);
  write(tree + "/memory/pod/memory.limit_in_bytes", "700000");
  CHECK(all() == 700000);
  write(own, "");
  CHECK(usable_memory({own, tree}, scratch / "none") == 0);
  write(tree + "/memory/pod/memory.limit_in_bytes", "9223372036854771712");
  write(own, "7:memory:/pod");
  CHECK(usable_memory({own, tree}, scratch / "none") == 0);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/machine/cpu_count.h"

#include <sched.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon;

TEST_CASE("cores are those of the affinity and of the narrowest group", "[cpu_count]") {
  const testing::Scratch scratch;
  const std::string tree = scratch / "tree";
  std::filesystem::create_directories(tree + "/a.slice/b.service");
  const auto quota = [&](const std::string& group, const char* text) {
    std::ofstream{tree + group + "/cpu.max"} << text << "\n";
  };
  const std::string own = scratch / "own";
  std::ofstream{own} << "1:name=systemd:/x\n0::/a.slice/b.service\n";
  cpu_set_t set;
  REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
  const auto all = static_cast<unsigned>(CPU_COUNT(&set));
  CHECK(usable_cores({own, tree}) == all);
  quota("/a.slice", "max 100000");
  quota("/a.slice/b.service", "max 100000");
  CHECK(usable_cores({own, tree}) == all);
  quota("/a.slice", "50000 100000");
  CHECK(usable_cores({own, tree}) == 1);
  quota("/a.slice/b.service", "150000 100000");
  CHECK(usable_cores({own, tree}) == 1);
  quota("/a.slice", "max 100000");
  CHECK(usable_cores({own, tree}) == std::min(2U, all));
  quota("/a.slice/b.service", "not a number");
  CHECK(usable_cores({own, tree}) == all);
  CHECK(usable_cores({scratch / "none", scratch / "none"}) == all);
  // A container sees its own group as the root.
  std::ofstream{own} << "0::/\n";
  quota("", "100 100000");
  CHECK(usable_cores({own, tree}) == 1);
}

TEST_CASE("the quota of a group of version 1 counts as well", "[cpu_count]") {
  const testing::Scratch scratch;
  const std::string tree = scratch / "tree";
  const std::string own = scratch / "own";
  std::ofstream{own} << "5:memory:/pod\n4:cpu,cpuacct:/pod/one\n0::/\n";
  std::filesystem::create_directories(tree + "/cpu,cpuacct/pod/one");
  const auto quota = [&](const std::string& group, const char* text) {
    std::ofstream{tree + "/cpu,cpuacct" + group + "/cpu.cfs_quota_us"} << text;
    std::ofstream{tree + "/cpu,cpuacct" + group + "/cpu.cfs_period_us"} << "100000\n";
  };
  const unsigned all = usable_cores({scratch / "none", scratch / "none"});
  quota("/pod/one", "-1\n");
  CHECK(usable_cores({own, tree}) == all);
  quota("/pod", "90000\n");
  CHECK(usable_cores({own, tree}) == 1);
}

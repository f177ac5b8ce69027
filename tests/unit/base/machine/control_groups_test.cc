// SPDX-License-Identifier: Apache-2.0
#include "base/machine/control_groups.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon;
using All = std::vector<std::string>;

TEST_CASE("limits are looked for from our own group up to the root", "[cgroups]") {
  const testing::Scratch scratch;
  const ControlGroups groups{scratch / "own", "/t"};
  const auto are = [&](const char* text) { std::ofstream{groups.own} << text; };
  are("0::/a.slice/b.service\n");
  CHECK(groups.directories("cpu") == All{"/t/a.slice/b.service", "/t/a.slice", "/t"});
  are("0::/\n");
  CHECK(groups.directories("cpu") == All{"/t"});
}

TEST_CASE("a controller of version 1 has a tree of its own", "[cgroups]") {
  const testing::Scratch scratch;
  const ControlGroups groups{scratch / "own", "/t"};
  const auto are = [&](const char* text) { std::ofstream{groups.own} << text; };
  are("12:cpuset:/x\n4:cpu,cpuacct:/pod\n3:memory:/a:b\n1:name=systemd:/y\nnonsense\n");
  CHECK(groups.directories("cpu") == All{"/t/cpu,cpuacct/pod", "/t/cpu,cpuacct"});
  CHECK(groups.directories("memory") == All{"/t/memory/a:b", "/t/memory"});
  CHECK(groups.directories("cpu,cpuacct") == All{"/t"});
}

TEST_CASE("without /proc there is the root of the tree", "[cgroups]") {
  const testing::Scratch scratch;
  CHECK(ControlGroups{scratch / "none", "/t"}.directories("cpu") == All{"/t"});
}

// SPDX-License-Identifier: Apache-2.0
// Where commands look for a server; tests/process/test_control.py has servers to find.
#include "cli/live/control_finder.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::cli;
using monodon::testing::Scratch;

TEST_CASE("the socket is found by option, file and environment, in this order",
          "[control]") {
  const Scratch scratch;
  std::ofstream{scratch / "m.yaml"}
      << "application: a:b\nruntime_directory: /run/own\n";
  std::ofstream{scratch / "bad.yaml"} << "aplication: a:b\n";
  ::setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
  CHECK(find_control_socket({.control = "/x", .config_file = "/y"}).value() == "/x");
  CHECK(find_control_socket({.config_file = scratch / "m.yaml"}).value() ==
        "/run/own/control.sock");
  CHECK(find_control_socket({}).value() == "/run/one/control.sock");
  const auto bad = find_control_socket({.config_file = scratch / "bad.yaml"});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message().find("aplication") != std::string::npos);
  ::unsetenv("RUNTIME_DIRECTORY");
}

// SPDX-License-Identifier: Apache-2.0
#include "base/process/run_program.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>

using namespace monodon;
using namespace std::chrono_literals;

TEST_CASE("a program's two outputs and its status come back", "[run_program]") {
  const auto done =
      run_program({"sh", "-c", "pwd; echo oops >&2; exit 7"}, 30s, "/usr");
  REQUIRE(done);
  CHECK(done.value().output == "/usr\n");
  CHECK(done.value().errors == "oops\n");
  CHECK(done.value().status == 7);
}

TEST_CASE("a program ended by a signal has that as its status", "[run_program]") {
  const auto done = run_program({"sh", "-c", "kill -TERM $$"}, 30s);
  REQUIRE(done);
  CHECK(done.value().status == 128 + 15);
}

TEST_CASE("a program that hangs is killed in time", "[run_program]") {
  const auto done = run_program({"sleep", "600"}, 50ms);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == ETIMEDOUT);
}

TEST_CASE("a program that is not there is an error with its name", "[run_program]") {
  const auto done = run_program({"no-such-program"}, 1s);
  REQUIRE_FALSE(done);
  CHECK(done.error().message() == "run no-such-program: No such file or directory");
}

TEST_CASE("what systemd says to a service is not passed on", "[run_program]") {
  ::setenv("NOTIFY_SOCKET", "@nowhere", 1);
  const auto done = run_program({"sh", "-c", "echo \"[$NOTIFY_SOCKET]\""}, 30s);
  ::unsetenv("NOTIFY_SOCKET");
  REQUIRE(done);
  CHECK(done.value().output == "[]\n");
}

// SPDX-License-Identifier: Apache-2.0
#include "master/system/tracer.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

using namespace monodon::master;

TEST_CASE("a process that is traced is told with who traces it", "[tracer]") {
  const bool traced = GENERATE(true, false);
  const pid_t child = ::fork();
  if (child == 0) {
    if (traced) (void)::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    (void)::raise(SIGSTOP);
    ::_exit(0);
  }
  REQUIRE(child > 0);
  REQUIRE(::waitpid(child, nullptr, WUNTRACED) == child);
  const std::string told = what_holds(child);
  const std::string silent = silence_of(child);
  (void)::kill(child, SIGKILL);
  CHECK(::waitpid(child, nullptr, 0) == child);
  const std::string self = "process " + std::to_string(::getpid()) + " (";
  CHECK((told.find(self) == 0) == traced);
  CHECK(silent.starts_with("it shows no sign of life: "));
  CHECK(silent.ends_with(traced ? "(state t)" : "(state T)"));
  CHECK((told.find("disk") != std::string::npos) == !traced);
}

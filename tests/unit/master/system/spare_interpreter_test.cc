// SPDX-License-Identifier: Apache-2.0
#include "master/system/spare_interpreter.h"

#include <signal.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <string>

using namespace monodon;
using namespace monodon::master;

namespace {

// It waits for its channel, as an interpreter without orders does.
SpareInterpreter::Order waiting(std::string mark = "A=1") {
  return {{"/bin/sh", "-c", "cat <&3"}, {std::move(mark)}, {-1}};
}

// Dead, and not reaped.
void await_end(int pid) {
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
}

bool is_reaped(int pid) {
  return ::waitpid(pid, nullptr, WNOHANG) == -1;
}

}  // namespace

TEST_CASE("a spare interpreter is started once, and given away once", "[spare]") {
  SpareInterpreter spare;
  CHECK(spare.pid() == -1);
  spare.keep(waiting());
  const int pid = spare.pid();
  REQUIRE(pid > 0);
  spare.keep(waiting());
  CHECK(spare.pid() == pid);
  const auto taken = spare.take(waiting());
  REQUIRE(taken);
  CHECK(taken->pid == pid);
  CHECK(spare.pid() == -1);
  CHECK_FALSE(spare.take(waiting()));
  CHECK_FALSE(is_reaped(pid));
  abandon_child(pid);
}

TEST_CASE("a spare interpreter for other orders is ended, not given away", "[spare]") {
  SpareInterpreter spare;
  spare.keep(waiting());
  const int first = spare.pid();
  const bool kept = GENERATE(true, false);
  if (kept)
    spare.keep(waiting("A=2"));
  else
    CHECK_FALSE(spare.take(waiting("A=2")));
  CHECK(is_reaped(first));
  CHECK((spare.pid() > 0) == kept);
  spare.drop();
}

TEST_CASE("a spare interpreter that has ended is not given away", "[spare]") {
  SpareInterpreter spare;
  spare.keep(waiting());
  const int pid = spare.pid();
  REQUIRE(::kill(pid, SIGKILL) == 0);
  await_end(pid);
  CHECK_FALSE(spare.take(waiting()));
  CHECK(is_reaped(pid));
}

TEST_CASE("a spare interpreter that somebody stopped is not given away", "[spare]") {
  SpareInterpreter spare;
  spare.keep(waiting());
  const int pid = spare.pid();
  REQUIRE(::kill(pid, SIGSTOP) == 0);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT) == 0);
  const bool goes_on = GENERATE(true, false);
  if (goes_on) {
    REQUIRE(::kill(pid, SIGCONT) == 0);
    REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WCONTINUED) == 0);
  }
  const auto taken = spare.take(waiting());
  CHECK(taken.has_value() == goes_on);
  CHECK(is_reaped(pid) == !goes_on);
  if (taken) abandon_child(pid);
}

TEST_CASE("a spare interpreter that ends is started again at the next reload only",
          "[spare]") {
  SpareInterpreter spare;
  const SpareInterpreter::Order order{{"/bin/true"}, {}, {-1}};
  spare.keep(order);
  const int pid = spare.pid();
  await_end(pid);
  spare.keep(order);
  CHECK(is_reaped(pid));
  CHECK(spare.pid() == -1);
  spare.keep(order);
  CHECK(spare.pid() == -1);
  CHECK_FALSE(spare.take(order));
  spare.keep(order);
  CHECK(spare.pid() > 0);
  spare.drop();
}

TEST_CASE("without its program there is no spare interpreter", "[spare]") {
  SpareInterpreter spare;
  spare.keep({{"/nowhere/python"}, {}, {-1}});
  CHECK(spare.pid() == -1);
}

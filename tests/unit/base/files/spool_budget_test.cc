// SPDX-License-Identifier: Apache-2.0
#include "base/files/spool_budget.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "base/files/spool_file.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using monodon::testing::Scratch;

namespace {

constexpr std::uint64_t kLimit = 1000;

struct Limited {
  Limited() { SpoolBudget::open(kLimit); }
  ~Limited() { SpoolBudget::open(UINT64_MAX); }
};

// In a worker of that slot: whether it could take so much. It is killed with it.
bool taken_by(std::uint32_t slot, std::uint64_t bytes) {
  const pid_t child = ::fork();
  if (child == 0) {
    SpoolBudget::begin(slot);
    ::_exit(SpoolBudget::take(bytes) ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status == 0;
}

}  // namespace

TEST_CASE("workers share what they may spool", "[spool]") {
  const Limited limited;
  SpoolBudget::begin(0);
  REQUIRE(SpoolBudget::take(600));
  CHECK_FALSE(taken_by(2, 401));
  CHECK(taken_by(2, 400));
  SpoolBudget::give(600);
  CHECK(taken_by(3, 1000));
}

TEST_CASE("what a killed worker held is free when it is gone", "[spool]") {
  const Limited limited;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    SpoolBudget::begin(1);
    const char said = SpoolBudget::take(1000) ? 'y' : 'n';
    (void)!::write(ends[1], &said, 1);
    ::pause();
  }
  char said = 0;
  REQUIRE(::read(ends[0], &said, 1) == 1);
  CHECK(said == 'y');
  CHECK_FALSE(taken_by(2, 1));
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(taken_by(2, 1000));
  CHECK(taken_by(2, 1000));  // its slot begins anew
}

TEST_CASE("a spool file counts what it holds until it is gone", "[spool]") {
  const Limited limited;
  const Scratch scratch;
  SpoolBudget::begin(0);
  {
    auto file = SpoolFile::open(scratch / "");
    REQUIRE(file);
    CHECK(file.value().write(0, std::string(900, 'x')));
    CHECK(file.value().write(0, std::string(900, 'y')));  // over the same bytes
    const auto refused = file.value().write(900, std::string(200, 'z'));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() ==
          "spool_limit is used up by all workers together");
    SpoolFile moved = std::move(file).value();
    CHECK_FALSE(SpoolBudget::take(101));
  }
  CHECK(SpoolBudget::take(1000));
  SpoolBudget::give(1000);
}

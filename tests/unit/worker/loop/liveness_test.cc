// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/liveness.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/nanoseconds.h"

using namespace monodon::worker;

namespace {

using monodon::test::kSecond;

// Looks at a thread that takes no step; whether one of them found that it hangs.
bool hangs_within(Liveness& liveness, unsigned looks, Liveness::Look look) {
  for (unsigned i = 0; i < looks; ++i)
    if (liveness.hangs(look)) return true;
  return false;
}

}  // namespace

TEST_CASE("a thread that sleeps in the kernel hangs after five looks in vain",
          "[liveness]") {
  Liveness liveness;
  CHECK_FALSE(liveness.hangs({.steps = 7}));  // the first one only learns
  CHECK_FALSE(hangs_within(liveness, Liveness::kLooks - 1, {.steps = 7}));
  CHECK(liveness.hangs({.steps = 7}));
  CHECK(liveness.hangs({.steps = 7}));  // and goes on to
  CHECK_FALSE(liveness.hangs({.steps = 8}));
}

TEST_CASE("a thread that waits, or runs the application, never hangs", "[liveness]") {
  Liveness liveness;
  CHECK_FALSE(hangs_within(liveness, 100, {.excused = true, .steps = 7}));
  // Looks from before it was excused do not count.
  CHECK_FALSE(hangs_within(liveness, Liveness::kLooks - 1, {.steps = 7}));
  CHECK_FALSE(liveness.hangs({.excused = true, .steps = 7}));
  CHECK_FALSE(hangs_within(liveness, Liveness::kLooks - 1, {.steps = 7}));
}

TEST_CASE("one step between two looks is enough", "[liveness]") {
  Liveness liveness;
  for (std::uint64_t step = 0; step < 100; ++step) {
    CHECK_FALSE(liveness.hangs({.steps = step / 3}));
  }
}

TEST_CASE("a thread that gets no processor is not to blame, one that spins is",
          "[liveness]") {
  Liveness starved;
  CHECK_FALSE(hangs_within(starved, 60, {.steps = 7, .cpu_ns = 5, .runnable = true}));
  Liveness spins;
  bool found = false;
  for (std::uint64_t second = 0; second < 8 && !found; ++second)
    found = spins.hangs({.steps = 7, .cpu_ns = second * kSecond, .runnable = true});
  CHECK(found);
}

TEST_CASE("only a thread that took no step needs a closer look", "[liveness]") {
  Liveness liveness;
  CHECK_FALSE(liveness.suspects(false, 3));
  (void)liveness.hangs({.steps = 3});
  CHECK(liveness.suspects(false, 3));
  CHECK_FALSE(liveness.suspects(true, 3));
  CHECK_FALSE(liveness.suspects(false, 4));
}

// SPDX-License-Identifier: Apache-2.0
#include "metrics/observation/saturation.h"

#include <catch2/catch.hpp>

#include "tests/support/cpp/nanoseconds.h"

using namespace monodon::metrics;

namespace {

using monodon::test::kSecond;

struct Watched {
  Saturation saturation;
  std::uint64_t now = kSecond;
  void note(std::uint32_t busy, std::uint64_t waiting, std::uint64_t oldest_ns = 0) {
    saturation.note({.serving = 2, .threads = 4, .busy = busy, .oldest_ns = oldest_ns},
                    waiting, now += kSecond);
  }
};

}  // namespace

TEST_CASE("saturation is what runs and waits for each thread, over ten seconds",
          "[saturation]") {
  Watched server;
  server.note(2, 0);
  CHECK(server.saturation.value() == Approx(0.5));
  server.note(4, 0);  // for a moment: most of the ten seconds was as before
  CHECK(server.saturation.value() > 0.5);
  CHECK(server.saturation.value() < 0.6);
  for (int i = 0; i < 60; ++i) server.note(3, 500);
  CHECK(server.saturation.value() == Approx(1.0).margin(0.01));
  for (int i = 0; i < 60; ++i) server.note(0, 0);
  CHECK(server.saturation.value() == Approx(0.0).margin(0.01));
}

TEST_CASE("a server in which nothing ends is saturated at once", "[saturation]") {
  Watched server;
  server.note(0, 0);
  server.note(4, 0, kSecond / 2);
  CHECK_FALSE(server.saturation.is_full());
  server.note(4, 0, 2 * kSecond);
  CHECK(server.saturation.value() == 1.0);
  server.note(3, 0, 3 * kSecond);  // one thread is free again
  CHECK(server.saturation.value() < 0.5);
}

TEST_CASE("without a thread that serves, what waits is too much", "[saturation]") {
  Saturation saturation;
  saturation.note({}, 0, kSecond);
  CHECK(saturation.value() == 0.0);
  Saturation waited;
  waited.note({}, 1, kSecond);
  CHECK(waited.value() == 1.0);
}

// SPDX-License-Identifier: Apache-2.0
// Catch2 2.13 ends with status 0 when it ran nothing (a filter with a typo, tests
// that were not linked), so this main counts and turns zero into a failure. The last
// line is the count, for whoever reads only the end of a log.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <cstdio>

namespace {

std::size_t passed = 0;
std::size_t failed = 0;

struct Count : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    ++(stats.totals.testCases.failed != 0 ? failed : passed);
    TestEventListenerBase::testCaseEnded(stats);
  }
};
CATCH_REGISTER_LISTENER(Count)

}  // namespace

int main(int argc, char** argv) {
  const int result = Catch::Session().run(argc, argv);
  std::printf("unit: %zu passed, %zu failed\n", passed, failed);
  if (passed + failed == 0) {
    std::fprintf(stderr, "unit: no test ran\n");
    return 2;
  }
  return result;
}

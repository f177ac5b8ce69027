// SPDX-License-Identifier: Apache-2.0
#include "scoreboard/waiting.h"

#include <catch2/catch.hpp>

using namespace monodon::scoreboard;

namespace {

WorkerReport worker(bool busy, std::uint64_t here, std::uint64_t between) {
  WorkerReport report;
  report.threads.resize(1);
  report.threads[0].started_ns = busy ? 1 : 0;
  report.waiting_here = here;
  report.waiting_between = between;
  return report;
}

}  // namespace

TEST_CASE("what waits in each worker is summed, what is between them is not",
          "[waiting]") {
  Totals sum;
  sum.handed_out = 12;
  sum.handed_in = 2;
  WaitingInside waiting;
  waiting.note(worker(true, 2, 3));
  waiting.note(worker(true, 1, 4));
  CHECK(waiting.count(sum) == 7);
  // Bytes of theirs were taken for more of them.
  sum.handed_in = 10;
  CHECK(waiting.count(sum) == 5);
  // The counters of one that was killed may say less than there is.
  sum.handed_in = 13;
  CHECK(waiting.count(sum) == 4);
}

TEST_CASE("while a worker has a thread free nothing waits between them", "[waiting]") {
  Totals sum;
  sum.handed_out = 5;
  WaitingInside waiting;
  waiting.note(worker(true, 1, 4));
  waiting.note(worker(false, 9, 9));
  CHECK(waiting.count(sum) == 1);
}

TEST_CASE("a page that says anything is bounded", "[waiting]") {
  WaitingInside waiting;
  for (int i = 0; i < 4; ++i) waiting.note(worker(true, ~0ULL, ~0ULL));
  CHECK(waiting.count({}) == (4ULL << 20U) + 1);
}

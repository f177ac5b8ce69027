// SPDX-License-Identifier: Apache-2.0
#include "bench/histogram.h"

#include <catch2/catch.hpp>

using monodon::bench::Histogram;

TEST_CASE("a histogram without durations has no quantiles") {
  CHECK(Histogram{}.quantile(0.99) == 0);
}

TEST_CASE("a quantile is never too small and at most 1.6 % too large") {
  Histogram h;
  for (std::uint64_t i = 1; i <= 100'000; ++i) h.add(i * 37);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 100'000 * 37;
    CHECK(static_cast<double>(h.quantile(share)) >= exact);
    CHECK(static_cast<double>(h.quantile(share)) <= exact * 1.016 + 37);
  }
}

TEST_CASE("the last quantile is the longest duration, however long") {
  Histogram h;
  h.add(5);
  h.add(~0ULL);
  CHECK(h.quantile(0.5) == 5);
  CHECK(h.quantile(1) == ~0ULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "metrics/http/accept.h"

#include <catch2/catch.hpp>

using namespace monodon::metrics;

TEST_CASE("a name has the weight that its entry gives it", "[accept]") {
  CHECK(quality_of("gzip", "gzip") == 1);
  CHECK(quality_of("deflate, GZIP;q=0.5", "gzip") == 0.5);
  CHECK(quality_of("gzip;q=0", "gzip") == 0);
  CHECK(quality_of("gzip ; q=x", "gzip") == 0);
  CHECK(quality_of("text/plain;version=0.0.4;q=0.3,*/*", "text/plain") == 0.3);
  CHECK(quality_of("gzipped", "gzip") == -1);
  CHECK(quality_of("", "gzip") == -1);
  CHECK(quality_of(",,;q=1,", "gzip") == -1);
}

TEST_CASE("OpenMetrics is for who prefers it", "[accept]") {
  // What Prometheus 2.42 sends.
  CHECK(wants_openmetrics(
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
      "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  CHECK_FALSE(wants_openmetrics("text/plain;q=0.8,application/openmetrics-text;q=0.2"));
  CHECK_FALSE(wants_openmetrics("application/openmetrics-text;q=0"));
  CHECK_FALSE(wants_openmetrics("*/*"));
  CHECK_FALSE(wants_openmetrics(""));
}

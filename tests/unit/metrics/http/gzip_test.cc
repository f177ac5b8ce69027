// SPDX-License-Identifier: Apache-2.0
// tests/process/test_metrics.py has Python's gzip read what is made here.
#include "metrics/http/gzip.h"

#include <catch2/catch.hpp>

using namespace monodon::metrics;

TEST_CASE("a text becomes a gzip file that ends with its size", "[gzip]") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "monodon_requests_total{slot=\"1\"} 12\n";
  const std::string packed = gzip(text);
  CHECK(packed.starts_with("\x1f\x8b\x08"));
  CHECK(packed.size() * 20 < text.size());
  std::uint32_t size = 0;
  for (int i = 4; i > 0; --i)
    size = size << 8U | static_cast<unsigned char>(packed[packed.size() - 5 + i]);
  CHECK(size == text.size());
  CHECK_FALSE(gzip("").empty());
}

TEST_CASE("gzip is sent to who takes it", "[gzip]") {
  CHECK(accepts_gzip("gzip, deflate"));
  CHECK(accepts_gzip("*"));
  CHECK_FALSE(accepts_gzip("gzip;q=0, *"));
  CHECK_FALSE(accepts_gzip("identity"));
  CHECK_FALSE(accepts_gzip(""));
}

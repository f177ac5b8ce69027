// SPDX-License-Identifier: Apache-2.0
// Which bytes a Range field means.
#include "worker/http/ranges.h"

#include <catch2/catch.hpp>
#include <string>

using namespace monodon::http;
using RangeKind = Ranges::Kind;

TEST_CASE("each form of a range is cut to the file", "[http]") {
  const auto one = [](const char* value, std::uint64_t size) {
    const Ranges ranges = parse_ranges(value, size);
    REQUIRE(ranges.kind == RangeKind::parts);
    REQUIRE(ranges.parts.size() == 1);
    return ranges.parts.front();
  };
  CHECK(one("bytes=0-0", 10) == ByteRange{0, 0});
  CHECK(one("bytes=3-", 10) == ByteRange{3, 9});
  CHECK(one("bytes=3-99", 10) == ByteRange{3, 9});
  CHECK(one("bytes=-3", 10) == ByteRange{7, 9});
  CHECK(one("bytes=-30", 10) == ByteRange{0, 9});
  CHECK(one("bytes=9-18446744073709551615", 10) == ByteRange{9, 9});
  CHECK(one("bytes=9-184467440737095516160", 10) == ByteRange{9, 9});
}

TEST_CASE("what cannot be had is told apart from what is no range", "[http]") {
  for (const char* value : {"bytes=10-", "bytes=-0", "bytes=10-20,30-40"})
    CHECK(parse_ranges(value, 10).kind == RangeKind::unsatisfiable);
  CHECK(parse_ranges("bytes=0-", 0).kind == RangeKind::unsatisfiable);
  CHECK(parse_ranges("bytes=-1", 0).kind == RangeKind::whole);  // all that there is
  for (const char* value : {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=5-4",
                            "bytes=+1-2", "bytes=1-2-3", "bytes=0-1,x", "rows=0-1"})
    CHECK(parse_ranges(value, 10).kind == RangeKind::whole);
}

TEST_CASE("overlapping ranges and very many are answered with the whole", "[http]") {
  CHECK(parse_ranges("bytes=0-4,4-5", 10).kind == RangeKind::whole);
  CHECK(parse_ranges("bytes=5-,0-4", 10).parts.size() == 2);
  std::string many = "bytes=0-0";
  for (std::size_t i = 1; i < kMostRanges; ++i)
    many += "," + std::to_string(2 * i) + "-" + std::to_string(2 * i);
  CHECK(parse_ranges(many, 1000).parts.size() == kMostRanges);
  CHECK(parse_ranges(many + ",500-500", 1000).kind == RangeKind::whole);
}

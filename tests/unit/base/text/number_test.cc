// SPDX-License-Identifier: Apache-2.0
#include "base/text/number.h"

#include <catch2/catch.hpp>

using namespace monodon;

TEST_CASE("a number is digits and nothing else", "[number]") {
  CHECK(parse_number("0") == 0U);
  CHECK(parse_number("007") == 7U);
  CHECK(parse_number("18446744073709551615") == 18'446'744'073'709'551'615ULL);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1_0", "1.0", "1e3",
                           "1\n", "18446744073709551616", "\xd9\xa1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text));
  }
  CHECK_FALSE(parse_number(std::string_view{"1\0", 2}));
}

TEST_CASE("a number over its limit is refused, not cut", "[number]") {
  CHECK(parse_number("65535", 65535) == 65535U);
  CHECK_FALSE(parse_number("65536", 65535));
}

TEST_CASE("a mode is octal, with or without its prefix", "[number]") {
  CHECK(parse_octal("660") == 0660U);
  CHECK(parse_octal("0660") == 0660U);
  CHECK(parse_octal("0o027") == 027U);
  CHECK(parse_octal("7777") == 07777U);
  for (const char* text : {"", "0o", "8", "10000", "-1", "0x1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_octal(text));
  }
}

TEST_CASE("a duration is one number and one unit, seconds without", "[number]") {
  CHECK(parse_duration_ms("30") == 30'000U);
  CHECK(parse_duration_ms("500ms") == 500U);
  CHECK(parse_duration_ms("5m") == 300'000U);
  CHECK(parse_duration_ms("2h") == 7'200'000U);
  CHECK(parse_duration_ms("1d") == 86'400'000U);
  for (const char* text :
       {"", "s", "1 s", "1m30s", "1.5s", "-1s", "1S", "1us", "18446744073709551615s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration_ms(text));
  }
}

TEST_CASE("a size is one number and one power of 1024", "[number]") {
  CHECK(parse_size("100") == 100U);
  CHECK(parse_size("64K") == 65'536U);
  CHECK(parse_size("64k") == 65'536U);
  CHECK(parse_size("3M") == 3'145'728U);
  CHECK(parse_size("1G") == 1'073'741'824U);
  CHECK(parse_size("1T") == 1'099'511'627'776U);
  for (const char* text :
       {"", "K", "1 K", "1KB", "1Ki", "1.5M", "-1", "1P", "16777216T"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("what is formatted is read back as the same number", "[number]") {
  for (const std::uint64_t n :
       {0ULL, 1ULL, 999ULL, 1000ULL, 1500ULL, 60'000ULL, 90'000ULL, 7'200'000ULL,
        86'400'000ULL, 1024ULL, 65'536ULL, 1ULL << 30U, (1ULL << 30U) + 1}) {
    CAPTURE(n);
    CHECK(parse_size(format_size(n)) == n);
    CHECK(parse_duration_ms(format_duration_ms(n)) == n);
  }
  CHECK(format_duration_ms(90'000) == "90s");
  CHECK(format_duration_ms(60'000) == "1m");
  CHECK(format_size(65'536) == "64K");
}

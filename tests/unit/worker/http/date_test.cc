// SPDX-License-Identifier: Apache-2.0
#include "worker/http/date.h"

#include <catch2/catch.hpp>
#include <ctime>

using monodon::http::DateText;

TEST_CASE("a date is an IMF-fixdate", "[date]") {
  DateText date;
  CHECK(date.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(date.at(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(date.at(951'827'696) == "Tue, 29 Feb 2000 12:34:56 GMT");
  CHECK(date.at(4'107'542'399) == "Sun, 28 Feb 2100 23:59:59 GMT");
  CHECK(date.at(4'107'542'400) == "Mon, 01 Mar 2100 00:00:00 GMT");
  CHECK(date.at(253'402'300'799) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("dates are those of the C library, in its C locale", "[date]") {
  DateText date;
  for (std::time_t second = 0; second < 4'000'000'000; second += 7'654'321) {
    std::tm parts{};
    REQUIRE(::gmtime_r(&second, &parts) != nullptr);
    char text[64];
    const auto size =
        std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    REQUIRE(date.at(second) == std::string_view{text, size});
  }
}

TEST_CASE("a date is made once a second", "[date]") {
  DateText date;
  const auto first = date.at(100);
  // The view shows whether it was written again.
  const_cast<char*>(first.data())[0] = 'x';
  CHECK(date.at(100).front() == 'x');
  CHECK(date.at(101).front() == 'T');
}

TEST_CASE("now is within a tick of the clock", "[date]") {
  DateText date;
  DateText other;
  const std::time_t before = std::time(nullptr);
  const std::string now{date.now()};
  const std::time_t after = std::time(nullptr);
  bool found = false;
  for (std::time_t t = before - 1; t <= after; ++t) found = found || other.at(t) == now;
  CHECK(found);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/log/log_zone.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <string>

#include "base/log/log_format.h"

using namespace monodon;

namespace {

void set_zone(const char* zone) {
  ::setenv("TZ", zone, 1);
  ::tzset();
}

struct ZoneForOneTest {
  ZoneForOneTest() { set_zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  ~ZoneForOneTest() {
    log::forget_zone();
    set_zone("UTC");
  }
  ZoneForOneTest(const ZoneForOneTest&) = delete;
  ZoneForOneTest& operator=(const ZoneForOneTest&) = delete;
};

std::string spelled(const std::tm& parts) {
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%F %T %z", &parts)};
}

}  // namespace

TEST_CASE("an application that changes the zone does not change that of the log",
          "[log]") {
  const ZoneForOneTest zone;
  log::keep_zone();
  const std::time_t now = std::time(nullptr);
  std::tm before{};
  ::localtime_r(&now, &before);
  set_zone("JST-9");  // as Django does
  CHECK(spelled(log::local_parts(now)) == spelled(before));
  log::Entry entry;
  entry.time.tv_sec = now;
  entry.level = log::Level::warning;
  std::string terminal;
  std::string text;
  log::append_for_terminal(terminal, entry, false);
  log::append_text(text, entry);
  CHECK(terminal.starts_with(spelled(before).substr(11, 8)));
  CHECK(text.starts_with("[" + spelled(before) + "]"));
}

TEST_CASE("a zone that was kept has its summer time, for years", "[log]") {
  const ZoneForOneTest zone;
  log::keep_zone();
  const std::time_t from = std::time(nullptr);
  for (std::time_t when = from; when < from + 9L * 365 * 86'400; when += 3'557) {
    std::tm expected{};
    ::localtime_r(&when, &expected);
    const std::tm kept = log::local_parts(when);
    if (kept.tm_hour != expected.tm_hour || kept.tm_gmtoff != expected.tm_gmtoff)
      FAIL(spelled(kept) + " instead of " + spelled(expected));
  }
}

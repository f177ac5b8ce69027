// SPDX-License-Identifier: Apache-2.0
// The Date field, made once a second.
#include "worker/http/date.h"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace monodon::http {

namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

void put_number(char* to, unsigned value, unsigned digits) noexcept {
  for (unsigned i = digits; i > 0; --i, value /= 10) {
    to[i - 1] = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

std::string_view DateText::at(std::int64_t wall_seconds) noexcept {
  if (wall_seconds != second_) {
    const std::chrono::sys_seconds time{std::chrono::seconds{wall_seconds}};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const auto clock = static_cast<unsigned>((time - day).count());
    const unsigned month = static_cast<unsigned>(date.month()) - 1;
    const unsigned weekday = std::chrono::weekday{day}.c_encoding();
    std::copy(kShape.begin(), kShape.end(), text_.begin());
    std::copy_n(kDays.begin() + 3 * weekday, 3, text_.begin());
    put_number(text_.data() + 5, static_cast<unsigned>(date.day()), 2);
    std::copy_n(kMonths.begin() + 3 * month, 3, text_.begin() + 8);
    put_number(text_.data() + 12, static_cast<unsigned>(static_cast<int>(date.year())),
               4);
    put_number(text_.data() + 17, clock / 3600, 2);
    put_number(text_.data() + 20, clock / 60 % 60, 2);
    put_number(text_.data() + 23, clock % 60, 2);
    second_ = wall_seconds;
  }
  return {text_.data(), text_.size()};
}

std::string_view DateText::now() noexcept {
  timespec time{};
  (void)::clock_gettime(CLOCK_REALTIME_COARSE, &time);  // cannot fail: a fixed clock
  return at(time.tv_sec);
}

}  // namespace monodon::http

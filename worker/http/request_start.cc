// SPDX-License-Identifier: Apache-2.0
// When the proxy got the request, as it says itself.
#include "worker/http/request_start.h"

#include <algorithm>

#include "base/text/number.h"

namespace monodon::http {

std::uint64_t parse_request_start(std::string_view value) noexcept {
  // From 1973 on, seconds have 9 to 11 digits and milliseconds 12 to 14.
  constexpr std::uint64_t kFirstMs = 100'000'000'000;
  constexpr std::uint64_t kFirstUs = 100'000'000'000'000;
  constexpr std::uint64_t kLargest = 100'000'000'000'000'000;
  constexpr std::size_t kMicroDigits = 6;
  if (value.starts_with("t=")) value.remove_prefix(2);
  const std::size_t dot = std::min(value.find('.'), value.size());
  const auto whole = parse_number(value.substr(0, dot), kLargest);
  if (!whole) return 0;
  if (dot == value.size()) {
    if (*whole >= kFirstUs) return *whole;
    return *whole * (*whole >= kFirstMs ? 1000 : 1'000'000);
  }
  const std::string_view digits = value.substr(dot + 1).substr(0, kMicroDigits);
  auto fraction = parse_number(digits);
  if (!fraction || *whole >= kFirstMs) return 0;
  for (std::size_t i = digits.size(); i < kMicroDigits; ++i) *fraction *= 10;
  return *whole * 1'000'000 + *fraction;
}

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the fields of a request for a file: ranges, dates, codings.
#include "tests/fuzz/target.h"
#include "worker/http/conditions.h"
#include "worker/http/content_coding.h"
#include "worker/http/date.h"
#include "worker/http/ranges.h"

namespace monodon {
namespace {

// RFC 9110 14.2: no byte outside of the file, none twice.
std::string broken_ranges(std::string_view value, std::uint64_t size) {
  const http::Ranges ranges = http::parse_ranges(value, size);
  const bool has_parts = ranges.kind == http::Ranges::Kind::parts;
  if (has_parts == ranges.parts.empty()) return "parts that are none";
  if (ranges.parts.size() > http::kMostRanges) return "too many parts";
  std::uint64_t sum = 0;
  for (const http::ByteRange& part : ranges.parts) {
    if (part.first > part.last || part.last >= size)
      return "a part outside of the file";
    sum += part.size();
  }
  return sum > size ? "more bytes than the file has" : "";
}

// A date that is understood is understood again in our own words.
std::string broken_date(std::string_view value) {
  const auto date = http::parse_http_date(value);
  constexpr std::int64_t kEndOf9999 = 253402300799;
  if (!date || *date < 0 || *date > kEndOf9999) return {};
  http::DateText text;
  return http::parse_http_date(text.at(*date)) == date ? "" : "a date that is another";
}

std::string broken_conditions(std::string_view input, std::uint32_t seed) {
  static constexpr std::uint64_t kSizes[] = {0, 1, 10, 1000, UINT64_MAX};
  std::string broken = broken_ranges(input, kSizes[seed % std::size(kSizes)]);
  if (broken.empty()) broken = broken_date(input);
  const http::AcceptedCodings codings = http::parse_accept_encoding(input);
  if (broken.empty() && codings.gzip_first && !codings.gzip)
    broken = "a coding that is preferred, and refused";
  return broken;
}

const fuzz::Target kConditionsTarget{"conditions", broken_conditions};

}  // namespace
}  // namespace monodon

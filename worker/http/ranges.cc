// SPDX-License-Identifier: Apache-2.0
// Which bytes of a file were asked for.
#include "worker/http/ranges.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/text/number.h"
#include "worker/http/chars.h"

namespace monodon::http {
namespace {

// A number of any length: one that does not fit is beyond the end of every file.
std::optional<std::uint64_t> position(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos)
    return std::nullopt;
  return parse_number(digits).value_or(std::numeric_limits<std::uint64_t>::max());
}

struct Spec {
  bool valid = false;
  std::optional<ByteRange> range;  // none: it cannot be satisfied
};

Spec parse_spec(std::string_view text, std::uint64_t size) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view before = text.substr(0, dash);
  const std::string_view after = text.substr(dash + 1);
  if (before.empty()) {
    const auto count = position(after);
    if (!count) return {};
    if (*count == 0) return {true, std::nullopt};
    if (size == 0) return {};  // satisfiable (14.1.2), and no Content-Range can say it
    return {true, ByteRange{size - std::min(*count, size), size - 1}};
  }
  const auto first = position(before);
  const auto last = after.empty()
                        ? std::optional{std::numeric_limits<std::uint64_t>::max()}
                        : position(after);
  if (!first || !last || *last < *first) return {};
  if (*first >= size) return {true, std::nullopt};
  return {true, ByteRange{*first, std::min(*last, size - 1)}};
}

bool overlap(std::vector<ByteRange> parts) {
  std::ranges::sort(parts, {}, &ByteRange::first);
  return std::ranges::adjacent_find(parts, [](const ByteRange& a, const ByteRange& b) {
           return b.first <= a.last;
         }) != parts.end();
}

}  // namespace

Ranges parse_ranges(std::string_view value, std::uint64_t size) {
  value = trim(value);
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos ||
      !equals_lower(value.substr(0, equals), "bytes"))
    return {};
  value.remove_prefix(equals + 1);
  Ranges ranges;
  bool any = false;
  while (!value.empty()) {
    const std::string_view text = take_element(value);
    if (text.empty()) continue;  // empty elements of a list are allowed (5.6.1.2)
    const Spec spec = parse_spec(text, size);
    if (!spec.valid) return {};
    any = true;
    if (spec.range) ranges.parts.push_back(*spec.range);
    if (ranges.parts.size() > kMostRanges) return {};
  }
  if (!any || overlap(ranges.parts)) return {};
  ranges.kind =
      ranges.parts.empty() ? Ranges::Kind::unsatisfiable : Ranges::Kind::parts;
  return ranges;
}

}  // namespace monodon::http

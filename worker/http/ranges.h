// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace monodon::http {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  [[nodiscard]] std::uint64_t size() const noexcept { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};

struct Ranges {
  enum class Kind : std::uint8_t {
    whole,          // no range, or one that we need not heed: 200
    parts,          // 206
    unsatisfiable,  // 416
  } kind = Kind::whole;
  std::vector<ByteRange> parts;  // in the order of the request, of at most kMostRanges
};

// More than this, or overlapping ones, are answered with the whole: they cost more than
// they are worth, and have been an attack (RFC 9110 14.2, 17.15).
inline constexpr std::size_t kMostRanges = 16;

// The value of a Range field for `size` bytes. What is no byte range in its syntax does
// not count. Pure.
[[nodiscard]] Ranges parse_ranges(std::string_view value, std::uint64_t size);

}  // namespace monodon::http

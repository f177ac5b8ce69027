// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "worker/http/parser.h"

namespace monodon::test {

// What a parser said in the end, comparable whatever the pieces were.
struct HeadVerdict {
  http::Parse state = http::Parse::incomplete;
  int status = 0;
  std::size_t consumed = 0;
  std::string fields;  // everything the head holds, as text
  bool operator==(const HeadVerdict&) const = default;
};

struct BodyVerdict {
  http::Parse state = http::Parse::incomplete;
  std::size_t consumed = 0;
  std::string data;
  bool operator==(const BodyVerdict&) const = default;
};

// Gives `input` to parse_head as a connection would: growing up to each of `stops`,
// then whole. The bytes lie at the very end of their allocation, and move with every
// piece, so that a sanitizer sees reads past them and stale views.
HeadVerdict feed_head(std::string_view input, const http::HeadLimits& limits,
                      const std::vector<std::size_t>& stops);

// The same for a chunked body; each piece holds only what was not consumed before.
BodyVerdict feed_chunked(std::string_view input, const std::vector<std::size_t>& stops);

// 1, 2, ... size - 1.
std::vector<std::size_t> every_byte(std::string_view input);

// True if every view of the head lies inside `input`, or is one of the constants that
// worker/http/request.h allows.
bool views_inside(const http::RequestHead& head, std::string_view input);

}  // namespace monodon::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/http/request.h"

namespace monodon::http {

// Conditional requests (RFC 9110 13) for a representation that has a strong entity tag
// and a date. All pure.

// An HTTP-date in any of its three forms (RFC 9110 5.6.7), as Unix time. Nothing: it is
// none.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text);

struct Validators {
  std::string_view etag;      // with its quotes, strong
  std::int64_t modified = 0;  // Unix time, whole seconds
};

enum class Condition : std::uint8_t { fulfilled, not_modified, failed };

// What If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since come to for
// GET and HEAD, in the order of 13.2.2: 200, 304 or 412.
[[nodiscard]] Condition evaluate(const RequestHead& head, const Validators& now);

// Whether Range counts: no If-Range, or one that names just this representation.
[[nodiscard]] bool range_applies(const RequestHead& head, const Validators& now);

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "worker/http/parser.h"

namespace monodon::http {

// host or host:port as RFC 9110 7.2 and RFC 3986 3.2 spell it, not empty, without
// userinfo; in brackets an IPv6 address, or "v1.x" of times to come. Pure.
[[nodiscard]] bool valid_authority(std::string_view authority) noexcept;

// Takes a request line (no CRLF, no control bytes but HTAB) apart into method, target,
// path, query and version; an absolute-form also gives `head.host`. Pure. Null when
// fine. For parse_head, which checked bytes and length.
[[nodiscard]] const ParseError* parse_request_line(std::string_view line,
                                                   RequestHead& head) noexcept;

}  // namespace monodon::http

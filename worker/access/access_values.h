// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/access/access_log.h"

namespace monodon::worker::access {

// The values that an access-log line is made of and that are not simply there.
// An empty value means "missing". Pure but for the time zone.

// "23/Nov/2026:21:26:50 +0000" in local time and English, and
// "2026-11-23T21:26:50+00:00". Valid until the next call in the same thread.
std::string_view common_time(std::int64_t unix_seconds);
std::string_view iso_time(std::int64_t unix_seconds);

// The user name of Basic credentials (RFC 7617), or "".
std::string basic_user(std::string_view authorization);

// "%41" becomes "A"; what is no escape stays.
std::string percent_decoded(std::string_view path);

// The value of a field in a response head as it was sent.
std::string_view response_field(std::string_view head, std::string_view name) noexcept;

// A variable of the WSGI environ that the request gives, by its name in capitals.
std::string variable(const AccessRecord& record, std::string_view name);

}  // namespace monodon::worker::access

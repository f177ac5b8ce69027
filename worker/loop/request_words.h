// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/http/forwarded.h"

namespace monodon::worker {

// How messages of the log name a request, so that each says in every format what it is
// about: 'GET /path (request 5f1c, trace 4bf92f, from 192.0.2.7)'. Parts that are empty
// are left out. Not escaped: the log does that. Pure.
[[nodiscard]] std::string name_request(std::string_view method, std::string_view path,
                                       std::string_view request_id,
                                       const http::Origin& origin);

// "30.0 s", "250 ms": for people; the fields have the exact number.
[[nodiscard]] std::string spell_ns(std::uint64_t ns);

}  // namespace monodon::worker

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "worker/http/parser.h"
#include "worker/http/request.h"

namespace monodon::websocket {

// Whether a request asks for a WebSocket (RFC 6455 4.1): "websocket" among the
// protocols of Upgrade, and Connection says that it is meant for this hop. Pure, as all
// of these.
[[nodiscard]] bool is_asked_for(const http::RequestHead& head) noexcept;

// What is wrong with a request that asks for one (RFC 6455 4.2.1). With 426 the answer
// has to name the version that would be right.
inline constexpr std::string_view kVersion = "13";
[[nodiscard]] std::optional<http::ParseError> refusal_of(const http::RequestHead& head);

// Of a request without a refusal: Sec-WebSocket-Key.
[[nodiscard]] std::string_view key_of(const http::RequestHead& head) noexcept;

// The subprotocols that the client offers, in its order.
[[nodiscard]] std::vector<std::string_view> subprotocols_of(
    const http::RequestHead& head);

}  // namespace monodon::websocket

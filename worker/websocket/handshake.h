// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/http/request.h"

namespace monodon::websocket {

// Whether a request asks for a WebSocket (RFC 6455 4.1): "websocket" among the
// protocols of Upgrade, and Connection says that it is meant for this hop. Pure.
[[nodiscard]] bool is_asked_for(const http::RequestHead& head) noexcept;

}  // namespace monodon::websocket

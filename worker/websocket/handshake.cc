// SPDX-License-Identifier: Apache-2.0
// The opening handshake of a WebSocket, as a request has it.
#include "worker/websocket/handshake.h"

#include <algorithm>
#include <string_view>

#include "worker/http/chars.h"

namespace monodon::websocket {
namespace {

// `token` is an element of one of the comma-separated lists `name`.
bool lists(const http::RequestHead& head, std::string_view name,
           std::string_view token) {
  return std::ranges::any_of(head.fields, [&](const http::Field& field) {
    if (!http::equals_lower(field.name, name)) return false;
    for (std::string_view left = field.value; !left.empty();)
      if (http::equals_ignoring_case(http::take_element(left), token)) return true;
    return false;
  });
}

}  // namespace

bool is_asked_for(const http::RequestHead& head) noexcept {
  return lists(head, "upgrade", "websocket") && lists(head, "connection", "upgrade");
}

}  // namespace monodon::websocket

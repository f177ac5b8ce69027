// SPDX-License-Identifier: Apache-2.0
// The opening handshake of a WebSocket, as a request has it.
#include "worker/websocket/handshake.h"

#include <algorithm>
#include <string_view>

#include "worker/http/chars.h"

namespace monodon::websocket {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// `token`, in lower case, is an element of one of the comma-separated lists `name`.
bool lists(const http::RequestHead& head, std::string_view name,
           std::string_view token) {
  return std::ranges::any_of(head.fields, [&](const http::Field& field) {
    if (!http::equals_lower(field.name, name)) return false;
    for (std::string_view left = field.value; !left.empty();) {
      const std::size_t comma = std::min(left.find(','), left.size());
      if (http::equals_lower(trimmed(left.substr(0, comma)), token)) return true;
      left.remove_prefix(std::min(comma + 1, left.size()));
    }
    return false;
  });
}

}  // namespace

bool is_asked_for(const http::RequestHead& head) noexcept {
  return lists(head, "upgrade", "websocket") && lists(head, "connection", "upgrade");
}

}  // namespace monodon::websocket

// SPDX-License-Identifier: Apache-2.0
// The opening handshake of a WebSocket, as a request has it.
#include "worker/websocket/handshake.h"

#include <algorithm>
#include <string_view>

#include "worker/http/chars.h"

namespace monodon::websocket {
namespace {

constexpr std::string_view kKey = "sec-websocket-key";

// Calls `f(element)` for each element of the comma-separated lists `name`.
template <typename F>
void each_element(const http::RequestHead& head, std::string_view name, F f) {
  for (const http::Field& field : head.fields) {
    if (!http::equals_lower(field.name, name)) continue;
    for (std::string_view left = field.value; !left.empty();)
      f(http::take_element(left));
  }
}

bool lists(const http::RequestHead& head, std::string_view name,
           std::string_view token) {
  bool found = false;
  each_element(head, name, [&](std::string_view element) {
    found = found || http::equals_ignoring_case(element, token);
  });
  return found;
}

// Base64 of sixteen bytes. What they are is of no interest.
bool is_key(std::string_view text) {
  constexpr std::string_view kEnd = "==";
  return text.size() == 24 && text.ends_with(kEnd) &&
         std::ranges::all_of(text.substr(0, 22), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '+' || c == '/';
         });
}

}  // namespace

bool is_asked_for(const http::RequestHead& head) noexcept {
  return lists(head, "upgrade", "websocket") && lists(head, "connection", "upgrade");
}

std::optional<http::ParseError> refusal_of(const http::RequestHead& head) {
  if (head.method != "GET" || head.minor_version < 1)
    return http::ParseError{400, "a WebSocket begins with GET and HTTP/1.1"};
  if (head.framing == http::Framing::chunked || head.content_length != 0)
    return http::ParseError{400, "a request for a WebSocket has no body"};
  const auto keys = std::ranges::count_if(head.fields, [](const http::Field& field) {
    return http::equals_lower(field.name, kKey);
  });
  if (keys != 1 || !is_key(key_of(head)))
    return http::ParseError{400, "Sec-WebSocket-Key is missing or no key"};
  if (head.find("sec-websocket-version") != kVersion)
    return http::ParseError{426, "the version of WebSocket has to be 13"};
  return std::nullopt;
}

std::string_view key_of(const http::RequestHead& head) noexcept {
  return head.find(kKey);
}

std::vector<std::string_view> subprotocols_of(const http::RequestHead& head) {
  std::vector<std::string_view> all;
  each_element(head, "sec-websocket-protocol", [&](std::string_view element) {
    if (!element.empty()) all.push_back(element);
  });
  return all;
}

}  // namespace monodon::websocket

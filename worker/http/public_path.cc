// SPDX-License-Identifier: Apache-2.0
// What in a path may be a secret, or an order.
#include "worker/http/public_path.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace monodon::http {
namespace {

constexpr std::size_t kLongestWord = 24;   // "internationalization" has 20
constexpr std::size_t kShortestToken = 8;  // "aB3dE5fG"
constexpr std::size_t kShortestHex = 12;

bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Between dashes, dots and underscores.
bool may_be_secret(std::string_view word) noexcept {
  if (word.size() > kLongestWord) return true;
  const bool digits = std::ranges::any_of(word, is_digit);
  const bool letters =
      std::ranges::any_of(word, [](char c) { return is_lower(c) || is_upper(c); });
  const bool hex = std::ranges::all_of(word, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
  if (hex && digits && letters && word.size() >= kShortestToken) return true;
  if (hex && word.size() >= kShortestHex) return true;
  const bool mixed =
      std::ranges::any_of(word, is_lower) && std::ranges::any_of(word, is_upper);
  // Letters and digits that take turns, or capitals in the midst of it.
  return digits && letters && word.size() >= kShortestToken &&
         (mixed || word.size() >= kShortestHex);
}

// What a GET must not do and often does: it ends a session, a subscription, a row. At
// the beginning of a word ("removeItem"); a page that only sounds like it is left out.
constexpr std::array<std::string_view, 22> kOrders = {
    "activate", "approve",   "cancel",  "checkout",   "confirm", "deactivate",
    "delete",   "destroy",   "disable", "enable",     "logoff",  "logout",
    "optout",   "purge",     "reject",  "remove",     "revoke",  "signoff",
    "signout",  "subscribe", "trigger", "unsubscribe"};

// Also "log-out" and "sign_out". From `at` on.
bool is_order_at(std::string_view path, std::size_t at,
                 std::string_view order) noexcept {
  for (; at < path.size() && !order.empty(); ++at) {
    const char c = path[at];
    if (c == '-' || c == '_' || c == '.') continue;
    if ((c | 0x20) != order.front()) return false;
    order.remove_prefix(1);
  }
  return order.empty();
}

bool may_be_order(std::string_view path) noexcept {
  for (std::size_t at = 1; at < path.size(); ++at) {
    const char before = path[at - 1];
    const bool begins = is_lower(path[at]) ? !is_lower(before) && !is_upper(before)
                                           : is_upper(path[at]) && !is_upper(before);
    if (begins && std::ranges::any_of(kOrders, [&](std::string_view order) {
          return is_order_at(path, at, order);
        }))
      return true;
  }
  return false;
}

}  // namespace

bool is_public_path(std::string_view target) noexcept {
  if (!target.starts_with('/') || may_be_order(target)) return false;
  while (!target.empty()) {
    std::size_t end = 0;
    while (end < target.size() &&
           (is_lower(target[end]) || is_upper(target[end]) || is_digit(target[end])))
      ++end;
    if (may_be_secret(target.substr(0, end))) return false;
    if (end == target.size()) return true;
    // Queries, escapes, the padding of base64, matrix parameters: not for us.
    constexpr std::string_view kFine = "/-._~+,!@:";
    if (kFine.find(target[end]) == std::string_view::npos) return false;
    if (target[end] == '@' && end > 0) return false;  // an address; "/@name" is public
    target.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
// The request line: method, target, version.
#include "worker/http/request_line.h"

#include <algorithm>

#include "worker/http/address.h"
#include "worker/http/chars.h"

namespace monodon::http {

namespace {

constexpr ParseError kNoMethod{400, "request line does not begin with a method"};
constexpr ParseError kLowerCase{400, "method is not an upper-case token"};
constexpr ParseError kNoVersion{400, "request line does not end with an HTTP version"};
constexpr ParseError kVersion{505, "HTTP version is neither 1.0 nor 1.1"};
constexpr ParseError kBadTarget{400, "request target holds a space, \"#\" or control"};
constexpr ParseError kTargetForm{400, "request target is neither a path nor a URL"};
constexpr ParseError kAsterisk{400, "target \"*\" with a method other than OPTIONS"};
constexpr ParseError kConnect{400, "CONNECT is for proxies"};
constexpr ParseError kAuthority{400, "authority of the request target is not a host"};

void split_query(std::string_view origin, RequestHead& head) noexcept {
  const std::size_t mark = origin.find('?');
  head.path = origin.substr(0, mark);
  head.query =
      mark == std::string_view::npos ? std::string_view{} : origin.substr(mark + 1);
}

const ParseError* absolute_form(std::string_view target, RequestHead& head) noexcept {
  std::size_t scheme = 0;
  if (target.size() >= 7 && equals_lower(target.substr(0, 7), "http://")) {
    scheme = 7;
  } else if (target.size() >= 8 && equals_lower(target.substr(0, 8), "https://")) {
    scheme = 8;
  } else {
    return &kTargetForm;
  }
  const std::string_view rest = target.substr(scheme);
  const std::size_t slash = rest.find_first_of("/?");
  head.host = rest.substr(0, slash);
  if (!valid_authority(head.host)) return &kAuthority;
  if (slash != std::string_view::npos) split_query(rest.substr(slash), head);
  // RFC 9112 3.2.4: OPTIONS without a path is about the server as a whole.
  if (head.path.empty()) {
    const bool whole = head.method == "OPTIONS" && slash == std::string_view::npos;
    head.path = whole ? "*" : "/";
  }
  return nullptr;
}

const ParseError* parse_target(RequestHead& head) noexcept {
  const std::string_view target = head.target;
  if (target.empty()) return &kTargetForm;
  const char* const end = target.data() + target.size();
  if (find_target_end(target.data(), end) != end) return &kBadTarget;
  if (head.method == "CONNECT") return &kConnect;
  if (target.front() == '/') {
    split_query(target, head);
    return nullptr;
  }
  if (target == "*") {
    if (head.method != "OPTIONS") return &kAsterisk;
    head.path = target;
    return nullptr;
  }
  return absolute_form(target, head);
}

bool is_hex(char c) noexcept {
  return chars::is(c, chars::kDigit) || (c >= 'a' && c <= 'f') ||
         (c >= 'A' && c <= 'F');
}

// How much of it is a reg-name or an IPv4address (RFC 3986 3.2.2). 0: nothing, or a "%"
// without its two digits.
std::size_t name_of_host(std::string_view authority) noexcept {
  std::size_t at = 0;
  while (at < authority.size() && chars::is(authority[at], chars::kHost)) {
    if (authority[at] == '%' &&
        (authority.size() - at < 3 || !is_hex(authority[at + 1]) ||
         !is_hex(authority[at + 2])))
      return 0;
    ++at;
  }
  return at;
}

// What stands in brackets (RFC 3986 3.2.2): IPv6address or IPvFuture.
bool valid_literal(std::string_view text) noexcept {
  if (!text.starts_with('v') && !text.starts_with('V')) {
    return text.find(':') != std::string_view::npos && parse_address(text).has_value();
  }
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 1 || dot + 1 == text.size()) return false;
  if (!std::ranges::all_of(text.substr(1, dot - 1), is_hex)) return false;
  return std::ranges::all_of(text.substr(dot + 1), [](char c) {
    return c == ':' || (c != '%' && chars::is(c, chars::kHost));
  });
}

// `end` is the last eight bytes of the line.
const ParseError* parse_version(std::string_view end, RequestHead& head) noexcept {
  if (!end.starts_with("HTTP/") || !chars::is(end[5], chars::kDigit) || end[6] != '.' ||
      !chars::is(end[7], chars::kDigit)) {
    return &kNoVersion;
  }
  if (end[5] != '1' || end[7] > '1') return &kVersion;
  head.minor_version = static_cast<std::uint8_t>(end[7] - '0');
  return nullptr;
}

}  // namespace

bool valid_authority(std::string_view authority) noexcept {
  std::size_t at = 0;
  if (authority.starts_with('[')) {
    at = authority.find(']');
    if (at == std::string_view::npos || !valid_literal(authority.substr(1, at - 1)))
      return false;
    ++at;
  } else {
    at = name_of_host(authority);
    if (at == 0) return false;
  }
  if (at == authority.size()) return true;
  if (authority[at] != ':') return false;
  for (const char c : authority.substr(at + 1)) {
    if (!chars::is(c, chars::kDigit)) return false;
  }
  return true;
}

const ParseError* parse_request_line(std::string_view line,
                                     RequestHead& head) noexcept {
  head.request_line = line;
  std::size_t space = 0;
  while (space < line.size() && chars::is(line[space], chars::kMethod)) ++space;
  if (space < line.size() && line[space] != ' ') {
    return chars::is(line[space], chars::kToken) ? &kLowerCase : &kNoMethod;
  }
  if (space == 0 || space == line.size()) return &kNoMethod;
  // "GET /" (HTTP/0.9) has no room for a version and ends here.
  if (line.size() < space + 1 + 9 || line[line.size() - 9] != ' ') return &kNoVersion;
  if (const auto* error = parse_version(line.substr(line.size() - 8), head)) {
    return error;
  }
  head.method = line.substr(0, space);
  head.target = line.substr(space + 1, line.size() - 9 - space - 1);
  return parse_target(head);
}

}  // namespace monodon::http

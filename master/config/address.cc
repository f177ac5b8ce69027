// SPDX-License-Identifier: Apache-2.0
// The addresses of `bind` and the like.
#include "master/config/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <limits>

#include "base/net/unix_address.h"
#include "base/text/number.h"

namespace monodon::master {
namespace {

Error wrong(std::string_view text, std::string_view what) {
  return Error{fmt::format("\"{}\" {}", text, what), 0};
}

bool remove_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_ip(int family, const std::string& text) {
  in6_addr address{};
  return ::inet_pton(family, text.c_str(), &address) == 1;
}

Result<std::string> unix_address(std::string_view text, std::string_view path,
                                 std::string_view directory) {
  if (path.starts_with("//")) path.remove_prefix(2);
  if (path.empty() || path == "@") return wrong(text, "has no path");
  std::string whole{path};
  if (path.front() != '/' && path.front() != '@') {
    whole = fmt::format("{}/{}", directory, path);
  }
  // An abstract name needs its leading NUL, a path its final one.
  if (whole.size() > UnixAddress::kLongest) {
    return wrong(text, fmt::format("is longer than the {} bytes of a socket path",
                                   UnixAddress::kLongest));
  }
  return "unix:" + whole;
}

Result<std::string> descriptor(std::string_view text, std::string_view rest) {
  if (!remove_prefix(rest, "//")) return wrong(text, "is written fd://NUMBER");
  const auto fd = parse_number(rest, std::numeric_limits<int>::max());
  if (!fd || *fd <= STDERR_FILENO) return wrong(text, "names no descriptor from 3 on");
  return fmt::format("fd://{}", *fd);
}

bool is_host_name(std::string_view host) {
  if (host.empty()) return false;
  for (const char c : host) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    if (!ok) return false;
  }
  return true;
}

Result<std::string> with_port(std::string_view text, std::string host,
                              std::string_view port) {
  const auto number = parse_number(port, 65535);
  if (!number) return wrong(text, "has a port that is not a number up to 65535");
  return fmt::format("{}:{}", host, *number);
}

Result<std::string> ipv6_address(std::string_view text, std::string_view rest) {
  const std::size_t end = rest.find(']');
  if (end == std::string_view::npos) return wrong(text, "has no \"]\"");
  const std::string host{rest.substr(1, end - 1)};
  if (!is_ip(AF_INET6, host)) return wrong(text, "is not an IPv6 address");
  std::string_view port = rest.substr(end + 1);
  if (port.empty()) port = ":8000";
  if (port.front() != ':') return wrong(text, "has no \":port\" after \"]\"");
  return with_port(text, "[" + host + "]", port.substr(1));
}

}  // namespace

Result<std::string> canonical_address(std::string_view text,
                                      std::string_view directory) {
  std::string_view rest = text;
  if (remove_prefix(rest, "unix:")) return unix_address(text, rest, directory);
  if (remove_prefix(rest, "fd:")) return descriptor(text, rest);
  (void)remove_prefix(rest, "tcp://");
  if (rest.starts_with('/') || rest.starts_with('@')) {
    return wrong(text, fmt::format("is not an address; did you mean unix:{}?", rest));
  }
  if (rest.starts_with('[')) return ipv6_address(text, rest);
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos) {
    if (parse_number(rest)) {
      return wrong(text, fmt::format("is not an address; did you mean :{}?", rest));
    }
    if (!is_host_name(rest)) return wrong(text, "is not an address");
    return with_port(text, std::string{rest}, "8000");
  }
  if (rest.find(':', colon + 1) != std::string_view::npos) {
    return wrong(text, "is not an address; IPv6 is written [::1]:8000");
  }
  std::string host{rest.substr(0, colon)};
  if (host.empty()) host = "0.0.0.0";
  if (!is_host_name(host)) return wrong(text, "is not an address");
  return with_port(text, std::move(host), rest.substr(colon + 1));
}

bool is_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address{text.substr(0, slash)};
  const bool v4 = is_ip(AF_INET, address);
  if (!v4 && !is_ip(AF_INET6, address)) return false;
  if (slash == std::string_view::npos) return true;
  return parse_number(text.substr(slash + 1), v4 ? 32 : 128).has_value();
}

bool is_local_address(std::string_view canonical) {
  for (const char* local : {"unix:", "fd:", "127.", "localhost:", "[::1]:"}) {
    if (canonical.starts_with(local)) return true;
  }
  return false;
}

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
// Names that a server may be asked for by.
#include "metrics/http/host_check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>

#include "base/text/lower.h"

namespace monodon::metrics {

namespace {

std::string normal(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower(name);
}

bool is_address(int family, const std::string& text) {
  in6_addr room{};
  return ::inet_pton(family, text.c_str(), &room) == 1;
}

bool is_port(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_own_host(std::string_view host, const std::vector<std::string>& names) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view rest = host.substr(end + 1);
    return is_address(AF_INET6, std::string{host.substr(1, end - 1)}) &&
           (rest.empty() || (rest[0] == ':' && is_port(rest.substr(1))));
  }
  const std::size_t colon = host.find(':');
  if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
  const std::string name = normal(host.substr(0, colon));
  if (name.empty()) return false;
  if (is_address(AF_INET, name) || name == "localhost" || name.ends_with(".localhost"))
    return true;
  return std::any_of(names.begin(), names.end(), [&](const std::string& own) {
    return own == "*" || normal(own) == name;
  });
}

bool is_local_address(const sockaddr_storage& address) {
  if (address.ss_family == AF_UNIX) return true;
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return ::ntohl(in.sin_addr.s_addr) >> 24U == 127;
  }
  if (address.ss_family != AF_INET6) return false;
  sockaddr_in6 in6{};
  std::memcpy(&in6, &address, sizeof in6);
  const in6_addr& at = in6.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&at)) return at.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&at);
}

std::string machine_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace monodon::metrics

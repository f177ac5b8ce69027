// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace monodon {

// "host:port", "host", "[::1]:port", ":port" as the clients of syslog and statsd take
// it.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text,
                                                      std::uint16_t usual_port);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* data() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

// The first address of that host; asks the resolver where it is a name.
Result<SocketAddress> find_address(const HostPort& where, int socket_type);
Result<SocketAddress> address_of_path(const std::string& path);

}  // namespace monodon

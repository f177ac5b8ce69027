// SPDX-License-Identifier: Apache-2.0
// Where to send datagrams and logs: from a text to a socket's address.
#include "base/net/net_address.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/net/unix_address.h"
#include "base/text/number.h"

namespace monodon {

std::optional<HostPort> parse_host_port(std::string_view text,
                                        std::uint16_t usual_port) {
  HostPort where{{}, usual_port};
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    where.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && !text.starts_with(':')) return std::nullopt;
    port = text.empty() ? text : text.substr(1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    where.host = text.substr(0, colon);
    port = text.substr(std::min(colon + 1, text.size()));
  }
  if (where.host.empty()) where.host = "localhost";
  if (port.empty()) return where;
  const auto number = parse_number(port);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  where.port = static_cast<std::uint16_t>(*number);
  return where;
}

Result<SocketAddress> find_address(const HostPort& where, int socket_type) {
  addrinfo hints{};
  hints.ai_socktype = socket_type;
  addrinfo* found = nullptr;
  const int wrong = ::getaddrinfo(where.host.c_str(),
                                  std::to_string(where.port).c_str(), &hints, &found);
  if (wrong != 0) return Error{where.host + ": " + ::gai_strerror(wrong), 0};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> own{found, ::freeaddrinfo};
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

Result<SocketAddress> address_of_path(const std::string& path) {
  const auto unix_address = UnixAddress::of_path(path);
  if (!unix_address) return Error{"use the socket " + path, ENAMETOOLONG};
  SocketAddress address;
  std::memcpy(&address.storage, unix_address->data(), unix_address->size());
  address.size = unix_address->size();
  return address;
}

}  // namespace monodon

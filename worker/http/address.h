// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace monodon::http {

// An IP address; IPv4 is kept as IPv6 writes it (::ffff:a.b.c.d), so that one client
// is one address whichever family its socket has. All pure.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Address&) const = default;
};

// "192.0.2.1", "2001:db8::1"; no zone, no port, no brackets, no leading zeros.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text) noexcept;

// An entry of X-Forwarded-For: an address, or with a port "192.0.2.1:80",
// "[2001:db8::1]:80", "[2001:db8::1]".
struct Endpoint {
  Address address;
  std::string_view text;   // the address alone, a view into what was parsed
  std::uint16_t port = 0;  // 0: not given
};
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text) noexcept;

// Addresses that begin with the same bits.
class Network {
 public:
  // An address or address/bits. Empty where the text is neither, or has bits set
  // beyond its prefix ("10.0.0.1/8": one address was meant, or a typo).
  [[nodiscard]] static std::optional<Network> parse(std::string_view text) noexcept;

  [[nodiscard]] bool contains(const Address& address) const noexcept;

 private:
  Address base_;
  unsigned bits_ = 128;
};

// What accept(2) said. An IPv4 client of an IPv6 socket is given as IPv4, a zone is
// left out. `text` is empty for a Unix socket and what else is no IP address.
struct SocketPeer {
  std::string text;
  std::uint16_t port = 0;
  Address address;
  bool unix_socket = false;
};
[[nodiscard]] SocketPeer describe_peer(const sockaddr_storage& peer);

}  // namespace monodon::http

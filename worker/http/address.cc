// SPDX-License-Identifier: Apache-2.0
// IP addresses and networks, read strictly.
#include "worker/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text/number.h"

namespace monodon::http {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0,    0,
                                               0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const Address& address) noexcept {
  return std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin());
}

Address mapped(const in_addr& v4) noexcept {
  Address address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  std::memcpy(address.bytes.data() + kMapped.size(), &v4, sizeof v4);
  return address;
}

// Bits of `byte` number `index` that a prefix of `bits` covers.
std::uint8_t mask_of(unsigned bits, unsigned index) noexcept {
  const unsigned covered = std::clamp(bits, index * 8, index * 8 + 8) - index * 8;
  return static_cast<std::uint8_t>(0xff00U >> covered);
}

}  // namespace

namespace {

// What inet_pton(3) takes, without its copy: four numbers to 255 without leading zeros.
std::optional<Address> parse_v4(std::string_view text) noexcept {
  Address address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  std::size_t at = 0;
  for (std::size_t i = kMapped.size(); i < address.bytes.size(); ++i) {
    if (i != kMapped.size() && (at == text.size() || text[at++] != '.'))
      return std::nullopt;
    unsigned value = 0;
    const std::size_t first = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = value * 10 + static_cast<unsigned>(text[at] - '0');
      if (value > 255 || (at > first && text[first] == '0')) return std::nullopt;
    }
    if (at == first) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return address;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) noexcept {
  if (text.find(':') == std::string_view::npos) return parse_v4(text);
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  *std::copy(text.begin(), text.end(), copy) = '\0';
  Address address;
  if (::inet_pton(AF_INET6, copy, address.bytes.data()) != 1) return std::nullopt;
  return address;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) noexcept {
  Endpoint endpoint;
  std::string_view port;
  if (text.find(':') == std::string_view::npos) {  // as most are
    endpoint.text = text;
    const auto address = parse_v4(text);
    if (!address) return std::nullopt;
    endpoint.address = *address;
    return endpoint;
  }
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    endpoint.text = text.substr(1, bracket - 1);
    if (endpoint.text.find(':') == std::string_view::npos) return std::nullopt;
    port = text.substr(bracket + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    const std::size_t colon = text.find(':');
    endpoint.text = text.substr(0, colon);
    port = text.substr(colon);
  } else {
    endpoint.text = text;
  }
  if (!port.empty()) {
    if (port.front() != ':') return std::nullopt;
    const auto number = parse_number(port.substr(1), 65535);
    if (!number) return std::nullopt;
    endpoint.port = static_cast<std::uint16_t>(*number);
  }
  const auto address = parse_address(endpoint.text);
  if (!address) return std::nullopt;
  endpoint.address = *address;
  return endpoint;
}

std::optional<Network> Network::parse(std::string_view text) noexcept {
  Network network;
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const auto base = parse_address(address);
  if (!base) return std::nullopt;
  network.base_ = *base;
  if (slash != std::string_view::npos) {
    const bool v4 = address.find(':') == std::string_view::npos;
    const auto bits = parse_number(text.substr(slash + 1), v4 ? 32 : 128);
    if (!bits) return std::nullopt;
    network.bits_ = static_cast<unsigned>(*bits) + (v4 ? 96 : 0);
  }
  for (unsigned i = 0; i < network.base_.bytes.size(); ++i) {
    const auto beyond = static_cast<std::uint8_t>(~mask_of(network.bits_, i));
    if ((network.base_.bytes[i] & beyond) != 0) return std::nullopt;
  }
  return network;
}

bool Network::contains(const Address& address) const noexcept {
  const unsigned whole = bits_ / 8;
  if (!std::equal(base_.bytes.begin(), base_.bytes.begin() + whole,
                  address.bytes.begin())) {
    return false;
  }
  return whole == 16 ||
         (address.bytes[whole] & mask_of(bits_, whole)) == base_.bytes[whole];
}

SocketPeer describe_peer(const sockaddr_storage& peer) {
  SocketPeer described;
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_UNIX) {
    described.unix_socket = true;
  } else if (peer.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &peer, sizeof v4);
    described.port = ntohs(v4.sin_port);
    described.address = mapped(v4.sin_addr);
    (void)::inet_ntop(AF_INET, &v4.sin_addr, text,
                      sizeof text);  // cannot fail: it fits
  } else if (peer.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &peer, sizeof v6);
    described.port = ntohs(v6.sin6_port);
    std::memcpy(described.address.bytes.data(), &v6.sin6_addr, 16);
    const bool v4 = is_mapped(described.address);
    const std::uint8_t* const from = described.address.bytes.data() + (v4 ? 12 : 0);
    (void)::inet_ntop(v4 ? AF_INET : AF_INET6, from, text, sizeof text);
  }
  described.text = text;
  return described;
}

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
// Whose connection it is, as a proxy says before the first request.
#include "worker/http/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <optional>

#include "base/text/number.h"

namespace monodon::http {
namespace {

constexpr std::string_view kLine = "PROXY ";
constexpr std::size_t kLongestLine = 107;  // with its CR LF
constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixed = 16;         // bytes of version 2 before the addresses
constexpr std::size_t kMostBinary = 4096;  // with addresses and TLVs

constexpr ParseError kBadLine{400, "the PROXY line is malformed"};
constexpr ParseError kBadBinary{400, "the PROXY header is malformed"};
constexpr ParseError kTooLarge{400, "the PROXY header is larger than 4096 bytes"};

ProxyHeader refused(const ParseError& why) {
  ProxyHeader header;
  header.state = Parse::failed;
  header.error = why;
  return header;
}

ProxyHeader complete(std::size_t consumed) {
  ProxyHeader header;
  header.state = Parse::complete;
  header.consumed = consumed;
  return header;
}

ProxyHeader incomplete() {
  return {};
}

// The next word of a line, with exactly one space behind it.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> port_of(std::string_view word) {
  if (word.empty() || word.size() > 5 || (word[0] == '0' && word.size() > 1))
    return std::nullopt;
  const auto number = parse_number(word);
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

// "PROXY TCP4 192.0.2.1 192.0.2.2 50000 80", without its end.
ProxyHeader read_line(std::string_view line, std::size_t consumed) {
  line.remove_prefix(kLine.size());
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return complete(consumed);  // what follows is to be ignored
  const bool four = family == "TCP4";
  if (!four && family != "TCP6") return refused(kBadLine);
  const std::string_view client = take_word(line);
  const std::string_view server = take_word(line);
  const auto client_port = port_of(take_word(line));
  const auto server_port = port_of(line);
  const auto address = parse_address(client);
  const bool families = (client.find(':') == std::string_view::npos) == four &&
                        (server.find(':') == std::string_view::npos) == four;
  if (!address || !parse_address(server) || !client_port || !server_port || !families)
    return refused(kBadLine);
  ProxyHeader header = complete(consumed);
  header.client = client;
  header.address = *address;
  header.port = *client_port;
  return header;
}

ProxyHeader read_first(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, kLongestLine);
  const std::size_t end = head.find("\r\n");
  if (end != std::string_view::npos) return read_line(head.substr(0, end), end + 2);
  return bytes.size() < kLongestLine ? incomplete() : refused(kBadLine);
}

void describe(const sockaddr_storage& from, ProxyHeader& header) {
  SocketPeer peer = describe_peer(from);
  header.client = std::move(peer.text);
  header.address = peer.address;
  header.port = peer.port;
}

ProxyHeader read_second(std::string_view bytes) {
  if (bytes.size() < kFixed) return incomplete();
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const unsigned version = at(12) >> 4U;
  const unsigned command = at(12) & 0xfU;
  const unsigned family = at(13) >> 4U;
  const std::size_t length = static_cast<std::size_t>(at(14)) << 8U | at(15);
  if (version != 2 || command > 1 || family > 3 || (at(13) & 0xfU) > 2)
    return refused(kBadBinary);
  if (kFixed + length > kMostBinary) return refused(kTooLarge);
  if (bytes.size() < kFixed + length) return incomplete();
  ProxyHeader header = complete(kFixed + length);
  if (command == 0) return header;  // LOCAL: a check of the proxy's own
  const char* const data = bytes.data() + kFixed;
  constexpr unsigned kFour = 1;
  constexpr unsigned kSix = 2;
  sockaddr_storage from{};
  if (family == kFour) {
    if (length < 12) return refused(kBadBinary);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    std::memcpy(&four.sin_addr, data, 4);
    std::memcpy(&four.sin_port, data + 8, 2);
    std::memcpy(&from, &four, sizeof four);
    describe(from, header);
  } else if (family == kSix) {
    if (length < 36) return refused(kBadBinary);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    std::memcpy(&six.sin6_addr, data, 16);
    std::memcpy(&six.sin6_port, data + 32, 2);
    std::memcpy(&from, &six, sizeof six);
    describe(from, header);
  }
  return header;
}

// 1: they begin so; 0: they may, when there are more; -1: no.
int begins(std::string_view bytes, std::string_view with) {
  const std::size_t size = std::min(bytes.size(), with.size());
  if (bytes.substr(0, size) != with.substr(0, size)) return -1;
  return size == with.size() ? 1 : 0;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes, ProxyVersions versions) {
  const bool one = versions == ProxyVersions::one || versions == ProxyVersions::both;
  const bool two = versions == ProxyVersions::two || versions == ProxyVersions::both;
  if (bytes.empty()) return incomplete();
  if (one) {
    const int is = begins(bytes, kLine);
    if (is >= 0) return is == 1 ? read_first(bytes) : incomplete();
  }
  if (two) {
    const int is = begins(bytes, kSignature);
    if (is >= 0) return is == 1 ? read_second(bytes) : incomplete();
  }
  return complete(0);
}

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/http/address.h"
#include "worker/http/parser.h"

namespace monodon::http {

// The header that a proxy sends before the first byte of a connection, to say whose it
// is: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, version 1 (a line)
// and version 2 (binary). Pure.

enum class ProxyVersions : std::uint8_t { none, one, two, both };

struct ProxyHeader {
  // complete: the header ends at `consumed`, or (0) the bytes are none; failed: `error`
  // says why.
  Parse state = Parse::incomplete;
  std::size_t consumed = 0;
  ParseError error{};
  // Of the client; empty where the proxy names nobody (LOCAL, UNKNOWN, a Unix socket):
  // then the proxy itself is the client.
  std::string client;
  Address address;  // of the client, if there is one
  std::uint16_t port = 0;
};

// Of the first bytes of a connection, read anew when there are more.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes,
                                            ProxyVersions versions);

}  // namespace monodon::http

// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the PROXY header of a connection, whole and byte by byte.
#include <algorithm>

#include "tests/fuzz/target.h"
#include "worker/http/proxy_protocol.h"

namespace monodon {
namespace {

using http::Parse;

std::string broken_proxy(std::string_view input, std::uint32_t seed) {
  const auto versions = static_cast<http::ProxyVersions>(seed % 4);
  const http::ProxyHeader whole = read_proxy_header(input, versions);
  if (whole.consumed > input.size()) return "took more than there is";
  if (whole.state != Parse::complete && whole.consumed != 0)
    return "took what it does not understand";
  if (whole.consumed == 0 && !whole.client.empty())
    return "names a client out of nothing";
  if (!whole.client.empty() && http::parse_address(whole.client) != whole.address)
    return "the text of the client is another address";
  // What was decided from a part does not change with more.
  for (std::size_t size = 0; size < std::min<std::size_t>(input.size(), 600); ++size) {
    const auto part = read_proxy_header(input.substr(0, size), versions);
    if (part.state == Parse::incomplete) continue;
    if (part.state != whole.state || part.consumed != whole.consumed ||
        part.client != whole.client || part.port != whole.port)
      return "more bytes change what was decided";
  }
  return {};
}

const fuzz::Target kProxyTarget{"proxy", broken_proxy};

}  // namespace
}  // namespace monodon

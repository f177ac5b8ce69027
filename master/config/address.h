// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace monodon::master {

// The canonical form of an address of `bind`: "unix:/path", "unix:@name", "host:port",
// "[ipv6]:port" or "fd://number". Understands what Gunicorn does: "unix:relative"
// (against `directory`), "unix:///path", "tcp://host:port", ":port" (every IPv4
// address) and "host" (port 8000). Errors say what is wrong, to follow "bind: ". Pure:
// host names are not looked up.
[[nodiscard]] Result<std::string> canonical_address(std::string_view text,
                                                    std::string_view directory);

// "127.0.0.1", "10.0.0.0/8", "::1", "fe80::/10": an address or a network.
[[nodiscard]] bool is_network(std::string_view text);

// True for "unix:..." and for loopback addresses: nobody else can connect. So is
// "fd://...", which is for whoever passed it to judge, like a socket of systemd's.
[[nodiscard]] bool is_local_address(std::string_view canonical);

}  // namespace monodon::master

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

namespace monodon::metrics {

// Whether `host`, as a Host field has it, with a port or not, is a name of this server:
// an IP address, localhost, a name below it, or one of `names`; "*" in them is any.
// Case and a last dot do not matter. Pure.
[[nodiscard]] bool is_own_host(std::string_view host,
                               const std::vector<std::string>& names);

// Whether only who is on this machine can connect to a socket that is bound there: a
// Unix socket or a loopback address. Pure.
[[nodiscard]] bool is_local_address(const sockaddr_storage& address);

// What gethostname(2) says; "" if nothing.
[[nodiscard]] std::string machine_name();

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace monodon::master {

// Who listens on a TCP port of this network namespace: "pid 24282 (monodon: master
// [shop])", as far as /proc shows it to this user; "" where it does not. For the
// message about a port that is taken: it reads the descriptors of every process.
[[nodiscard]] std::string owner_of_port(std::uint16_t port);

}  // namespace monodon::master

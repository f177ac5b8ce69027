// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "base/unique_fd.h"

namespace monodon::testing {

// A TCP connection over which nothing goes any more: whoever closes `bomb` last waits
// for an hour, non-blocking or not (SO_LINGER, socket(7)), unless the process ends.
struct SlowToClose {
  UniqueFd bomb;
  UniqueFd peer;

  SlowToClose() {
    const UniqueFd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int little = 4096;
    (void)::setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    REQUIRE(::bind(listener.get(), address, sizeof at) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), address, &size) == 0);
    bomb.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(bomb.get(), address, sizeof at) == 0);
    peer.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(peer);
    REQUIRE(::fcntl(bomb.get(), F_SETFL, O_NONBLOCK) == 0);
    const std::array<char, 65536> block{};
    while (::send(bomb.get(), block.data(), block.size(), 0) > 0) {
    }
    const linger hour{1, 3600};
    REQUIRE(::setsockopt(bomb.get(), SOL_SOCKET, SO_LINGER, &hour, sizeof hour) == 0);
  }

  // Reads all that there is until the end, which nobody but the last owner of the other
  // side can make.
  [[nodiscard]] bool ended() const {
    std::array<char, 65536> block{};
    ssize_t got;
    do {
      got = ::recv(peer.get(), block.data(), block.size(), 0);
    } while (got > 0);
    return got == 0;
  }
};

}  // namespace monodon::testing

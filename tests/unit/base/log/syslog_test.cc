// SPDX-License-Identifier: Apache-2.0
#include "base/log/syslog.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "tests/support/cpp/scratch.h"

using namespace monodon;

TEST_CASE("addresses and facilities of syslog are those of Gunicorn", "[syslog]") {
  for (const char* good :
       {"unix:///dev/log", "unix:///dev/log#dgram", "unix:///dev/log#stream",
        "udp://localhost:514", "udp://h", "tcp://[::1]:601"})
    CHECK(Syslog::wrong_address(good).empty());
  for (const char* bad : {"", "localhost:514", "unix://", "unix:///dev/log#x",
                          "udp://h:port", "http://h"})
    CHECK_FALSE(Syslog::wrong_address(bad).empty());
  CHECK(Syslog::wrong_facility("LOCAL0").empty());
  CHECK_FALSE(Syslog::wrong_facility("local8").empty());
}

TEST_CASE("a line to syslog has priority, tag, pid, and no controls", "[syslog]") {
  const testing::Scratch scratch;
  const std::string path = scratch / "log";
  const UniqueFd daemon{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto address = address_of_path(path);
  REQUIRE(address);
  auto log = Syslog::open({"unix://" + path, "local0", "gunicorn.shop.error"});
  REQUIRE(log);
  log.value().send(Syslog::Severity::info, "nobody is there yet");
  REQUIRE(::bind(daemon.get(), address.value().data(), address.value().size) == 0);
  auto second = Syslog::open({"unix://" + path, "local0", "gunicorn.shop.error"});
  REQUIRE(second);
  second.value().send(Syslog::Severity::error, "two\nlines");
  std::array<char, 256> room{};
  const ssize_t got = ::recv(daemon.get(), room.data(), room.size(), MSG_DONTWAIT);
  REQUIRE(got > 0);
  const std::string expected =
      "<131>gunicorn.shop.error: [" + std::to_string(::getpid()) + "] two\\x0alines";
  CHECK(std::string{room.data(), static_cast<std::size_t>(got)} ==
        expected + std::string(1, '\0'));
}

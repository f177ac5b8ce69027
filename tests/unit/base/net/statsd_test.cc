// SPDX-License-Identifier: Apache-2.0
#include "base/net/statsd.h"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <vector>

#include "base/net/net_address.h"
#include "base/unique_fd.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;

namespace {

std::vector<std::string> all_of(int receiver) {
  std::vector<std::string> all;
  std::array<char, 2048> room{};
  for (;;) {
    const ssize_t got = ::recv(receiver, room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0) return all;
    all.emplace_back(room.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

TEST_CASE("metrics have Gunicorn's names and forms", "[statsd]") {
  const testing::Scratch scratch;
  const std::string path = scratch / "statsd";
  const UniqueFd receiver{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto address = address_of_path(path);
  REQUIRE(address);
  REQUIRE(::bind(receiver.get(), address.value().data(), address.value().size) == 0);
  REQUIRE(statsd::open({"unix://" + path, "shop..", "a:b"}));
  statsd::gauge("gunicorn.workers", 3);
  statsd::request(404, 12'345);
  CHECK(all_of(receiver.get()) ==
        std::vector<std::string>{"shop.gunicorn.workers:3|g|#a:b",
                                 "shop.gunicorn.request.duration:12.345|ms|#a:b",
                                 "shop.gunicorn.requests:1|c|@1.0|#a:b",
                                 "shop.gunicorn.request.status.404:1|c|@1.0|#a:b"});
  REQUIRE(statsd::open({}));
  CHECK_FALSE(statsd::enabled());
  statsd::increment("gunicorn.requests");
  CHECK(all_of(receiver.get()).empty());
}

TEST_CASE("a host for statsd is a port or a socket", "[statsd]") {
  for (const char* good : {"", "localhost:8125", "localhost", "unix:///run/s"})
    CHECK(statsd::what_is_wrong(good).empty());
  for (const char* bad : {"localhost:x", "unix://"})
    CHECK_FALSE(statsd::what_is_wrong(bad).empty());
}

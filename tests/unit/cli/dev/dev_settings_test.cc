// SPDX-License-Identifier: Apache-2.0
// What `monodon dev` sets, and the port it takes.
#include "cli/dev/dev_settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "master/config/table.h"
#include "master/config/value.h"

using namespace monodon;
using namespace monodon::cli;

TEST_CASE("every setting of dev is one of the table, with a value that it takes",
          "[dev]") {
  master::Settings settings = master::default_settings();
  for (const master::Override& given : dev_settings()) {
    CAPTURE(given.key);
    const master::Setting* const setting = master::find_setting(given.key);
    REQUIRE(setting != nullptr);
    CHECK(master::set_scalar(*setting, given.values.back(), settings).empty());
  }
  CHECK(settings.workers == 1);
  CHECK(settings.worker.request_timeout == 0);
  CHECK(settings.worker.reload);
  CHECK(settings.worker.development);
  CHECK(settings.worker.preload == "false");
}

TEST_CASE("a port that somebody has is left to them", "[dev]") {
  const UniqueFd taken{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  REQUIRE(::bind(taken.get(), raw, size) == 0);
  REQUIRE(::listen(taken.get(), 1) == 0);
  REQUIRE(::getsockname(taken.get(), raw, &size) == 0);
  const std::uint16_t port = ntohs(address.sin_port);
  CHECK(free_port(port) != port);
}

TEST_CASE("what was asked for is known, wherever it was said", "[dev]") {
  master::CommandLine line;
  line.environment.push_back({"bind", {":5000"}, "PORT"});
  line.arguments.push_back({"workers", {"2"}, "--workers"});
  CHECK(is_set(line, "bind"));
  CHECK(is_set(line, "workers"));
  CHECK_FALSE(is_set(line, "threads"));
}

TEST_CASE("PORT is an address of this machine alone, over a file", "[dev]") {
  master::CommandLine line;
  line.environment.push_back({"bind", {"0.0.0.0:5000"}, "PORT"});
  keep_port_at_home(line);
  CHECK(line.environment.empty());
  REQUIRE(line.arguments.size() == 1);
  CHECK(line.arguments[0].values.back() == "127.0.0.1:5000");
  line.environment.push_back({"bind", {"0.0.0.0:6000"}, "PORT"});
  keep_port_at_home(line);
  CHECK(line.arguments.size() == 1);
}

// SPDX-License-Identifier: Apache-2.0
#include "master/system/activation.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

namespace {

// What systemd says, as long as this lives; `pid`: "" is this process.
class Said {
 public:
  Said(const char* fds, const char* names, std::string pid = {}) {
    if (pid.empty()) pid = std::to_string(::getpid());
    for (const char* name : {"LISTEN_PID", "WATCHDOG_PID"})
      ::setenv(name, pid.c_str(), 1);
    ::setenv("LISTEN_FDS", fds, 1);
    if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
  }
  ~Said() {
    for (const char* name : kAll) ::unsetenv(name);
  }
  Said(const Said&) = delete;
  Said& operator=(const Said&) = delete;

  static constexpr std::array kAll = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                      "WATCHDOG_PID", "WATCHDOG_USEC"};
};

}  // namespace

TEST_CASE("what systemd passes is counted from 3, named, and closed on exec",
          "[activation]") {
  // Whatever this process has there.
  const int before = ::fcntl(3, F_GETFD);
  if (before < 0) REQUIRE(::dup2(0, 3) == 3);
  if (::fcntl(4, F_GETFD) < 0) REQUIRE(::dup2(0, 4) == 4);
  {
    const Said said{"2", "http:"};
    const auto passed = take_activation();
    REQUIRE(passed);
    REQUIRE(passed.value().size() == 2);
    CHECK(passed.value()[0].fd == 3);
    CHECK(passed.value()[0].name == "http");
    CHECK(passed.value()[1].fd == 4);
    CHECK(passed.value()[1].name.empty());
    CHECK(::fcntl(3, F_GETFD) == FD_CLOEXEC);
    CHECK(std::getenv("LISTEN_FDS") == nullptr);
    CHECK(take_activation().value().empty());
  }
  const Said unnamed{"1", nullptr};
  CHECK(take_activation().value().at(0).name == "unknown");
}

TEST_CASE("what is for another process, or makes no sense, is not taken",
          "[activation]") {
  {
    const Said other{"1", "http", "1"};
    CHECK(take_activation().value().empty());
    CHECK(std::getenv("LISTEN_PID") == nullptr);
  }
  for (const char* wrong : {"-1", "x", "", "99999999999"}) {
    const Said said{wrong, nullptr};
    CHECK_FALSE(take_activation());
  }
  const Said more{"1", "http:metrics"};
  CHECK(take_activation().error().what ==
        "take the sockets that systemd passed: LISTEN_FDNAMES names 2 of 1");
}

TEST_CASE("systemd's watchdog is for the process that it names", "[activation]") {
  CHECK(watchdog_period() == 0s);
  {
    const Said said{"0", nullptr};
    ::setenv("WATCHDOG_USEC", "1500000", 1);
    CHECK(watchdog_period() == 1500ms);
    ::setenv("WATCHDOG_USEC", "18446744073709551615", 1);
    CHECK(watchdog_period() == 0s);
  }
  const Said other{"0", nullptr, "1"};
  ::setenv("WATCHDOG_USEC", "1500000", 1);
  CHECK(watchdog_period() == 0s);
}

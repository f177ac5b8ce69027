// SPDX-License-Identifier: Apache-2.0
#include "metrics/observation/listen_queue.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "metrics/observation/process_stats.h"

using namespace monodon;
using namespace monodon::metrics;

namespace {

struct Listening {
  UniqueFd fd;
  sockaddr_storage at{};
  socklen_t size = 0;
  ListenerFacts facts;
  std::vector<UniqueFd> clients;

  explicit Listening(int family) : fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    auto* const generic = reinterpret_cast<sockaddr*>(&at);
    at.ss_family = static_cast<sa_family_t>(family);
    // Port 0, or (autobind) an abstract name.
    size = family == AF_UNIX    ? sizeof(sa_family_t)
           : family == AF_INET6 ? sizeof(sockaddr_in6)
                                : sizeof(sockaddr_in);
    if (family == AF_INET6)
      reinterpret_cast<sockaddr_in6*>(&at)->sin6_addr = IN6ADDR_LOOPBACK_INIT;
    REQUIRE(::bind(fd.get(), generic, size) == 0);
    REQUIRE(::listen(fd.get(), 17) == 0);
    size = sizeof at;
    REQUIRE(::getsockname(fd.get(), generic, &size) == 0);
    struct stat about {};
    REQUIRE(::fstat(fd.get(), &about) == 0);
    facts = {"here", family == AF_UNIX, about.st_ino};
  }

  void connect() {
    const int family = at.ss_family;
    UniqueFd client{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    clients.push_back(std::move(client));
  }

  [[nodiscard]] QueueDepth depth() const {
    auto diagnosis = SocketDiagnosis::open();
    REQUIRE(diagnosis);
    const auto found = diagnosis.value().ask({facts});
    REQUIRE(found.contains(facts.inode));
    return found.at(facts.inode);
  }
};

}  // namespace

TEST_CASE("connections that wait at a listener are counted", "[metrics]") {
  const int family = GENERATE(AF_UNIX, AF_INET);
  Listening listening{family};
  CHECK(listening.depth().waiting == 0);
  CHECK(listening.depth().limit == 17);
  for (int i = 0; i < 3; ++i) listening.connect();
  CHECK(listening.depth().waiting == 3);
  const UniqueFd taken{::accept4(listening.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  CHECK(listening.depth().waiting == 2);
}

TEST_CASE("a socket that is gone has no queue", "[metrics]") {
  auto diagnosis = SocketDiagnosis::open();
  REQUIRE(diagnosis);
  CHECK(diagnosis.value().ask({{"unix", true, 1}, {"tcp", false, 1}}).count(1) == 0);
}

TEST_CASE("the highest mark is that of the last minute", "[metrics]") {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  QueueHistory history;
  CHECK(history.highest(0) == 0);
  history.note({5, 128}, 10 * kSecond);
  history.note({9, 128}, 20 * kSecond);
  history.note({2, 128}, 30 * kSecond);
  CHECK(history.last().waiting == 2);
  CHECK(history.highest(30 * kSecond) == 9);
  CHECK(history.highest(79 * kSecond) == 9);
  CHECK(history.highest(81 * kSecond) == 2);
  history.note({1, 128}, 95 * kSecond);
  CHECK(history.highest(95 * kSecond) == 1);
}

TEST_CASE("processor time and memory of a process are read from /proc", "[metrics]") {
  const auto self = static_cast<std::uint32_t>(::getpid());
  const auto parent = static_cast<std::uint32_t>(::getppid());
  volatile std::uint64_t work = 0;
  while (read_cpu_us(self, parent) == 0) work = work + 1;
  CHECK(read_cpu_us(self, 0) > 0);
  CHECK(read_cpu_us(self, self) == 0);  // not its own parent
  CHECK(read_rss_bytes(self) > 1024 * 1024);
  CHECK(read_rss_bytes(0) == 0);
}

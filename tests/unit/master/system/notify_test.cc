// SPDX-License-Identifier: Apache-2.0
#include "master/system/notify.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/net/unix_address.h"
#include "base/unique_fd.h"
#include "master/reload/proposal.h"

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

TEST_CASE("the status line tells what the master is doing", "[notify]") {
  CHECK(status_text({}) == "importing the application");
  CHECK(status_text({.stopping = true, .stops_in = std::chrono::milliseconds{1200}}) ==
        "stopping in 2 s; until then all is served");
  CHECK(status_text({.workers = 3, .serving = 3, .generation = 1}) ==
        "3 of 3 workers serving, generation 1");
  CHECK(status_text({.workers = 1, .serving = 0, .resting = 1, .generation = 1}) ==
        "0 of 1 worker serving, generation 1; 1 slot pauses after a failure");
  CHECK(status_text({.workers = 3,
                     .serving = 3,
                     .generation = 1,
                     .step = ReloadStep::importing,
                     .reload = 2}) ==
        "3 of 3 workers serving, generation 1; importing generation 2");
  CHECK(status_text({.workers = 3,
                     .serving = 4,
                     .serving_current = 2,
                     .generation = 2,
                     .step = ReloadStep::rolling}) ==
        "4 of 3 workers serving, generation 2; 2 of them replaced so far");
  CHECK(status_text({.workers = 1,
                     .serving = 1,
                     .generation = 1,
                     .fell_back = "generation 2 was no good"}) ==
        "1 of 1 worker serving, generation 1; generation 2 was no good");
  CHECK(status_text({.alive = 2, .generation = 1, .stopping = true}) ==
        "stopping: 2 workers finish their requests");
  CHECK(status_text({.generation = 1, .stopping = true}) == "stopping");
  CHECK(status_text({.stopping = true, .failure = "cannot start: no"}) ==
        "cannot start: no");
}

namespace {

// The socket that NOTIFY_SOCKET names while this lives, once it is bound.
class Systemd {
 public:
  Systemd() { REQUIRE(::setenv("NOTIFY_SOCKET", ("@" + name_).c_str(), 1) == 0); }
  ~Systemd() { ::unsetenv("NOTIFY_SOCKET"); }
  Systemd(const Systemd&) = delete;
  Systemd& operator=(const Systemd&) = delete;

  void bind() const {
    const auto address = UnixAddress::abstract(name_).value();
    REQUIRE(::bind(socket_.get(), address.data(), address.size()) == 0);
  }
  [[nodiscard]] std::string heard() const {
    std::array<char, 256> text{};
    const ssize_t n = ::recv(socket_.get(), text.data(), text.size(), 0);
    return {text.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
  }

 private:
  std::string name_ = "monodon-test-" + std::to_string(::getpid());
  UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

}  // namespace

TEST_CASE("systemd hears the state in the end, although it could not at first",
          "[notify]") {
  const Systemd systemd;
  Notifier notifier;
  notifier.status("importing");
  notifier.reloading(Clock::time_point{1s});
  notifier.ready();

  systemd.bind();
  notifier.repeat();
  CHECK(systemd.heard() == "READY=1");
  notifier.repeat();
  CHECK(systemd.heard().empty());  // once
  notifier.status("importing");
  CHECK(systemd.heard() == "STATUS=importing");
}

TEST_CASE("a systemd that does not read stops nobody", "[notify]") {
  const Systemd systemd;
  systemd.bind();
  Notifier notifier;
  ::alarm(60);                                  // one that waits would do so for ever
  constexpr int kMoreThanAQueueHolds = 20'000;  // net.unix.max_dgram_qlen
  for (int i = 0; i < kMoreThanAQueueHolds; ++i)
    notifier.status("step " + std::to_string(i));
  notifier.ready();
  ::alarm(0);

  int waiting = 0;
  while (!systemd.heard().empty()) ++waiting;
  CHECK(waiting > 0);
  CHECK(waiting < kMoreThanAQueueHolds);
  notifier.repeat();
  CHECK(systemd.heard() == "READY=1");
}

TEST_CASE("a reload is announced with its time on the monotonic clock", "[notify]") {
  CHECK(reloading_text(Clock::time_point{1234567us}) ==
        "RELOADING=1\nMONOTONIC_USEC=1234567");
}

TEST_CASE("a zygote does not inherit what systemd says to the master", "[notify]") {
  CHECK(heir_environment({"PATH=/bin", "LISTEN_FDS=1", "NOTIFY_SOCKET=/run/x", "A=1",
                          "LISTEN_FDS_NOT=2"},
                         {"A=2", "B=3"}) ==
        std::vector<std::string>{"PATH=/bin", "LISTEN_FDS_NOT=2", "A=2", "B=3"});
}

TEST_CASE("settings that only a restart applies are named", "[notify]") {
  Settings before;
  Settings after;
  after.workers = 7;
  CHECK(needs_restart(before, after).empty());
  after.bind = {"127.0.0.1:9"};
  after.user = "www";
  CHECK(needs_restart(before, after) == std::vector<std::string>{"bind", "user"});
}

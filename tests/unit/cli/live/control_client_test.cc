// SPDX-License-Identifier: Apache-2.0
#include "cli/live/control_client.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/net/unix_address.h"
#include "base/process/passed_fds.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::cli;
using monodon::testing::Pipe;
using monodon::testing::Scratch;

namespace {

constexpr std::chrono::milliseconds kPatience{5000};

// The other end of the control socket: reads one line, and answers as it is told.
class FakeServer {
 public:
  FakeServer(const std::string& path, std::vector<std::string> pieces, int fd = -1)
      : socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const auto address = UnixAddress::of_path(path).value();
    REQUIRE(::bind(socket_.get(), address.data(), address.size()) == 0);
    REQUIRE(::listen(socket_.get(), 4) == 0);
    thread_ =
        std::thread{[this, pieces = std::move(pieces), fd] { serve(pieces, fd); }};
  }
  ~FakeServer() {
    if (thread_.joinable()) thread_.join();
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  // What it was asked, once it has answered.
  std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve(const std::vector<std::string>& pieces, int fd) {
    const UniqueFd client{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    std::array<char, 256> text{};
    const auto size = ::recv(client.get(), text.data(), text.size(), 0);
    asked_.assign(text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    for (const std::string& piece : pieces) send_with(client.get(), piece, fd);
  }

  static void send_with(int socket, std::string piece, int fd) {
    iovec part{piece.data(), piece.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    PassedFds<1> passed;
    if (fd >= 0) passed.attach(header, {&fd, 1});
    (void)::sendmsg(socket, &header, MSG_NOSIGNAL);
  }

  UniqueFd socket_;
  std::string asked_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("an answer in pieces arrives as one line, with its descriptors",
          "[control]") {
  const Scratch scratch;
  const Pipe pipe;
  FakeServer server{scratch / "s", {R"({"a")", ":1}", "\nnot ours"}, pipe.read.get()};
  const auto answer = ask(scratch / "s", R"({"op":"status"})", kPatience);
  REQUIRE(answer);
  CHECK(answer.value().line == R"({"a":1})");
  CHECK(server.asked() == "{\"op\":\"status\"}\n");
  REQUIRE_FALSE(answer.value().fds.empty());
  const int fd = answer.value().fds.front().get();
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  struct stat sent {};
  struct stat received {};
  REQUIRE(::fstat(pipe.read.get(), &sent) == 0);
  REQUIRE(::fstat(fd, &received) == 0);
  CHECK(sent.st_ino == received.st_ino);
}

TEST_CASE("a refusal is an error that can be printed", "[control]") {
  const Scratch scratch;
  const FakeServer server{scratch / "s", {"{\"error\":\"no \\u001b[2Jop\"}\n"}};
  const auto answer = ask(scratch / "s", "{}", kPatience);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message() == "the server refused: no \\x1b[2Jop");
}

TEST_CASE("a server that closes without an answer is told apart", "[control]") {
  const Scratch scratch;
  const FakeServer server{scratch / "s", {"half a li"}};
  const auto answer = ask(scratch / "s", "{}", kPatience);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message().find("closed the connection") != std::string::npos);
}

TEST_CASE("a server that hangs is not waited for longer than asked", "[control]") {
  const Scratch scratch;
  const UniqueFd hung{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = UnixAddress::of_path(scratch / "s").value();
  REQUIRE(::bind(hung.get(), address.data(), address.size()) == 0);
  CHECK(ask(scratch / "s", "{}", kPatience).error().message().find("is not running") !=
        std::string::npos);  // bound, and nobody listens
  REQUIRE(::listen(hung.get(), 1) == 0);
  const auto answer = ask(scratch / "s", "{}", std::chrono::milliseconds{20});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message().find("does not answer") != std::string::npos);
  CHECK(ask(scratch / "none", "{}", kPatience)
            .error()
            .message()
            .find("the server is not running") != std::string::npos);
}

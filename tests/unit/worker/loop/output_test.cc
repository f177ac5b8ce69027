// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/output.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

using namespace monodon;
using namespace monodon::worker;

namespace {

struct Socket {
  UniqueFd ours, theirs;
  Socket() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                         fds.data()) == 0);
    ours.reset(fds[0]);
    theirs.reset(fds[1]);
  }
  std::string read_all() {
    std::string all;
    std::array<char, 65536> some;
    for (ssize_t n; (n = ::read(theirs.get(), some.data(), some.size())) > 0;)
      all.append(some.data(), static_cast<std::size_t>(n));
    return all;
  }
};

std::string drain(Output& output, Socket& socket) {
  std::string all;
  while (!output.empty()) {
    const auto flushed = output.flush(socket.ours.get());
    REQUIRE((flushed == Output::Flushed::everything ||
             flushed == Output::Flushed::would_block));
    all += socket.read_all();
  }
  return all + socket.read_all();
}

std::string numbered(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

}  // namespace

TEST_CASE("what waits in memory, in the spool and in files keeps its order",
          "[output]") {
  Output output;
  Socket socket;
  const Output::Limits limits{1000, 1U << 20U, "/tmp"};
  UniqueFd file{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  REQUIRE(::write(file.get(), "0123456789", 10) == 10);

  const std::string big = numbered(500'000);
  output.append("first,", limits);
  REQUIRE(output.append_file(file.get(), 2, 5));
  file.reset();  // the queue has its own descriptor
  output.append(",then,", limits);
  output.append(big, limits);  // over `memory`: goes to the spool
  output.append("last", limits);
  CHECK(output.size() > 500'000);
  CHECK(drain(output, socket) == "first,23456,then," + big + "last");
  CHECK(output.empty());
  CHECK(output.size() == 0);
}

TEST_CASE("without a disk the output stays in memory and says that it is full",
          "[output]") {
  Output output;
  Socket socket;
  const Output::Limits limits{1000, 1U << 20U, "/nonexistent"};
  const std::string big = numbered(5000);
  output.append(big, limits);
  CHECK(output.full(limits));
  CHECK(drain(output, socket) == big);
  CHECK_FALSE(output.full(limits));
}

TEST_CASE("a file that became shorter breaks the connection", "[output]") {
  Output output;
  Socket socket;
  UniqueFd file{::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  REQUIRE(::write(file.get(), "0123456789", 10) == 10);
  REQUIRE(output.append_file(file.get(), 0, 100));
  CHECK(output.flush(socket.ours.get()) == Output::Flushed::short_file);
  CHECK(output.missing() == 90);
  CHECK(output.taken() == 10);
}

TEST_CASE("a file that sendfile cannot read goes by way of memory", "[output]") {
  for (const char* path : {"/proc/self/status", "/proc/self/cmdline", "/dev/zero"}) {
    const UniqueFd file{::open(path, O_RDONLY | O_CLOEXEC)};
    std::array<char, 10> expected{};
    REQUIRE(::pread(file.get(), expected.data(), expected.size(), 2) == 10);
    Socket socket;
    INFO(path);
    CHECK(send_file_part(socket.ours.get(), file.get(), 2, 10) == 10);
    CHECK(socket.read_all() == std::string(expected.data(), expected.size()));
  }
}

TEST_CASE("a client that left is told from one that is slow", "[output]") {
  Output output;
  Socket socket;
  output.append(numbered(4'000'000), {8U << 20U, 1U << 30U, "/tmp"});
  CHECK(output.flush(socket.ours.get()) == Output::Flushed::would_block);
  socket.theirs.reset();
  CHECK(output.flush(socket.ours.get()) == Output::Flushed::broken);
}

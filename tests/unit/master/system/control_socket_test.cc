// SPDX-License-Identifier: Apache-2.0
#include "master/system/control_socket.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <semaphore>
#include <thread>
#include <utility>

#include "base/net/unix_address.h"

using namespace monodon;
using namespace monodon::master;
namespace fs = std::filesystem;

namespace {

// A control server in a loop of its own, while `client` runs in a thread.
struct Served {
  fs::path folder;
  std::string path;

  Served() {
    std::string pattern = (fs::temp_directory_path() / "control.XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    path = (folder / "control.sock").string();
  }
  ~Served() { fs::remove_all(folder); }

  void run(ControlServer::Handler handler, const std::function<void()>& client,
           std::optional<Listener> passed = {},
           Clock::duration patience = std::chrono::seconds{60}) {
    EventLoop loop;
    auto server = ControlServer::open(path);
    REQUIRE(server);
    if (passed) server.value().add(std::move(*passed));
    server.value().attach(loop, std::move(handler), patience);
    loop.on_turn([&] { server.value().tidy(); });
    const UniqueFd done{::eventfd(0, EFD_CLOEXEC)};
    const auto watch =
        loop.on_io(done.get(), EventLoop::Rank::normal, [&] { loop.stop(); });
    std::thread thread{[&] {
      client();
      (void)::eventfd_write(done.get(), 1);
    }};
    loop.run();
    thread.join();
  }

  [[nodiscard]] UniqueFd connect() const { return connect(path); }

  [[nodiscard]] static UniqueFd connect(const std::string& path) {
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto to = UnixAddress::of_path(path).value();
    if (::connect(fd.get(), to.data(), to.size()) != 0) return {};
    return fd;
  }
};

void say(const UniqueFd& fd, const std::string& text) {
  (void)!::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

// Until the end of file or `lines` newlines.
std::string hear(const UniqueFd& fd, int lines) {
  std::string all;
  std::array<char, 4096> buffer{};
  while (lines > 0) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    for (ssize_t i = 0; i < got; ++i)
      lines -= buffer[static_cast<std::size_t>(i)] == '\n';
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

ControlReply echo(std::string_view line, ControlClient) {
  return {"<" + std::string{line} + ">", {}};
}

}  // namespace

TEST_CASE("lines are answered in order, however they are cut", "[control]") {
  Served served;
  std::string heard;
  served.run(echo, [&] {
    const UniqueFd fd = served.connect();
    say(fd, "one\ntwo\nthr");
    heard = hear(fd, 2);
    say(fd, "ee\n");
    heard += hear(fd, 1);
  });
  CHECK(heard == "<one>\n<two>\n<three>\n");
}

TEST_CASE("a descriptor comes with the first byte of the answer", "[control]") {
  Served served;
  const UniqueFd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  std::size_t control_bytes = 0;
  served.run(
      [&](std::string_view, ControlClient) {
        return ControlReply{"{}", {null.get()}};
      },
      [&] {
        const UniqueFd fd = served.connect();
        say(fd, "x\n");
        std::array<char, 16> text{};
        std::array<char, 256> control{};
        iovec part{text.data(), text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        (void)!::recvmsg(fd.get(), &message, MSG_CMSG_CLOEXEC);
        control_bytes = message.msg_controllen;
      });
  CHECK(control_bytes == CMSG_SPACE(sizeof(int)));
}

TEST_CASE("a client that reads late gets a long answer whole, then the next",
          "[control]") {
  Served served;
  constexpr std::size_t kLong = 2'000'000;
  std::string heard;
  served.run(
      [&](std::string_view line, ControlClient) {
        return ControlReply{line == "long" ? std::string(kLong, 'x') : "short", {}};
      },
      [&] {
        const UniqueFd fd = served.connect();
        say(fd, "long\nshort\n");
        heard = hear(fd, 2);
      });
  CHECK(heard.size() == kLong + 1 + 6);
  CHECK(heard.ends_with("x\nshort\n"));
}

TEST_CASE("a socket that was passed is answered beside our own, and stays",
          "[control]") {
  Served served;
  const std::string path = (served.folder / "systemd.sock").string();
  auto made = bind_listener("unix:" + path, {});
  REQUIRE(made);
  auto passed = describe_listener(std::move(made.value().fd), "control");
  REQUIRE(passed);
  std::string heard;
  served.run(
      echo,
      [&] {
        for (const std::string& at : {served.path, path}) {
          const UniqueFd fd = Served::connect(at);
          say(fd, at + "\n");
          heard += hear(fd, 1);
        }
      },
      std::move(passed).value());
  CHECK(heard == "<" + served.path + ">\n<" + path + ">\n");
  CHECK_FALSE(fs::exists(served.path));
  CHECK(fs::exists(path));
}

TEST_CASE("a crowd of silent clients makes room for who asks", "[control]") {
  Served served;
  std::string heard;
  std::string told;
  served.run(echo, [&] {
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 40; ++i) {
      silent.push_back(served.connect());
      if (i % 2 == 0) say(silent.back(), "half");
    }
    const UniqueFd fd = served.connect();
    say(fd, "a\n");
    heard = hear(fd, 1);
    told = hear(silent.front(), 1);
  });
  CHECK(heard == "<a>\n");
  CHECK(told.find("others need the place") != std::string::npos);
}

// As another user, in this thread alone: the library's function is for all threads.
bool become_thread(uid_t user) {
  return ::syscall(SYS_setresuid, -1, user, -1) == 0;
}

TEST_CASE("who waits keeps the place, and the last places are for root", "[control]") {
  if (::geteuid() != 0) return;
  Served served;
  const std::string path = (served.folder / "systemd.sock").string();
  BindOptions everybody;
  everybody.mode = 0666;
  auto made = bind_listener("unix:" + path, everybody);
  REQUIRE(made);
  auto passed = describe_listener(std::move(made.value().fd), "control");
  REQUIRE(passed);
  REQUIRE(::chmod(served.folder.c_str(), 0755) == 0);
  passed.value().info.address = "unix:" + served.path;  // of a mode that was chosen
  std::string turned_away;
  std::string as_root;
  constexpr int kPlaces = 16;
  std::counting_semaphore<kPlaces> heard{0};
  served.run(
      [&](std::string_view line, ControlClient) {
        if (line != "wait") return ControlReply{"here", {}};
        heard.release();
        return ControlReply{};
      },
      [&] {
        std::vector<UniqueFd> waiting;
        REQUIRE(become_thread(4321));
        for (int i = 0; i < kPlaces + 1; ++i) {
          waiting.push_back(Served::connect(path));
          say(waiting.back(), "wait\n");
          if (i < kPlaces) heard.acquire();  // one that does not wait yet makes room
        }
        turned_away = hear(waiting.back(), 1);
        REQUIRE(become_thread(0));
        const UniqueFd fd = Served::connect(path);
        say(fd, "a\n");
        as_root = hear(fd, 1);
      },
      std::move(passed).value());
  CHECK(turned_away.find("all places are taken") != std::string::npos);
  CHECK(as_root == "here\n");
}

TEST_CASE("a client that sends no whole line in time is told so", "[control]") {
  Served served;
  std::string silent;
  std::string half;
  std::string polite;
  served.run(
      echo,
      [&] {
        const UniqueFd answered = served.connect();
        say(answered, "a\n");
        polite = hear(answered, 1);
        const UniqueFd nothing = served.connect();
        const UniqueFd some = served.connect();
        say(some, "half");
        silent = hear(nothing, 2);
        half = hear(some, 2);
        say(answered, "b\n");  // had its answer: may take its time
        polite += hear(answered, 1);
      },
      {}, std::chrono::milliseconds{100});
  CHECK(silent.find("no whole line") != std::string::npos);
  CHECK(half.find("no whole line") != std::string::npos);
  CHECK(polite == "<a>\n<b>\n");
}

TEST_CASE("an endless line is turned away", "[control]") {
  Served served;
  std::string endless;
  served.run(echo, [&] {
    const UniqueFd fd = served.connect();
    say(fd, std::string(10'000, 'x'));
    endless = hear(fd, 1);
  });
  CHECK(endless.empty());
}

TEST_CASE("the control socket is for its owner, and goes with the server",
          "[control]") {
  Served served;
  {
    auto server = ControlServer::open(served.path);
    REQUIRE(server);
    struct stat found {};
    REQUIRE(::stat(served.path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    CHECK_FALSE(ControlServer::open(served.path));
  }
  CHECK_FALSE(fs::exists(served.path));
}

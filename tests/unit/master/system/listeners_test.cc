// SPDX-License-Identifier: Apache-2.0
#include "master/system/listeners.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

using namespace monodon;
using namespace monodon::master;
namespace fs = std::filesystem;

namespace {

// What the owner of the directory does just after the socket file is there.
std::function<void()> after_bind;

struct Folder {
  fs::path path;
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "listeners.XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  [[nodiscard]] std::string socket() const { return (path / "s.sock").string(); }
};

Result<Listener> bind_at(const std::string& path, BindOptions options = {}) {
  return bind_listener("unix:" + path, options);
}

}  // namespace

// Instead of the C library's.
extern "C" int bind(int fd, const sockaddr* name, socklen_t size) noexcept {
  const auto r = static_cast<int>(::syscall(SYS_bind, fd, name, size));
  if (after_bind) std::exchange(after_bind, nullptr)();
  return r;
}

TEST_CASE("addresses are taken apart, and what is none is refused", "[listeners]") {
  using Family = BindAddress::Family;
  const auto path = parse_bind_address("unix:/run/x.sock");
  REQUIRE(path);
  CHECK(path.value().family == Family::path);
  CHECK(path.value().path == "/run/x.sock");
  const auto abstract = parse_bind_address("unix:@site");
  REQUIRE(abstract);
  CHECK(abstract.value().family == Family::abstract);
  CHECK(abstract.value().path == "site");
  const auto v6 = parse_bind_address("[::1]:8000");
  REQUIRE(v6);
  CHECK(v6.value().host == "::1");
  CHECK(v6.value().port == 8000);
  const auto passed = parse_bind_address("fd://7");
  REQUIRE(passed);
  CHECK(passed.value().family == Family::descriptor);
  CHECK(passed.value().fd == 7);
  for (const char* bad : {"", "unix:", "localhost", "fd://", "fd://-1", "::1:80",
                          "a:99999", "a:-1", "a:8x"})
    CHECK_FALSE(parse_bind_address(bad));
}

TEST_CASE("a Unix socket gets the mode asked for, whatever the umask", "[listeners]") {
  const Folder folder;
  const mode_t before = ::umask(0077);
  auto made = bind_at(folder.socket(), {.mode = 0660});
  (void)::umask(before);
  REQUIRE(made);
  struct stat found {};
  REQUIRE(::stat(folder.socket().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0660);
  CHECK(made.value().info.address == "unix:" + folder.socket());
  CHECK((::fcntl(made.value().fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(made.value().fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a socket file that nobody answers on is replaced", "[listeners]") {
  const Folder folder;
  { auto dead = bind_at(folder.socket()); }
  REQUIRE(fs::exists(folder.socket()));
  CHECK(bind_at(folder.socket()));
}

TEST_CASE("a living server keeps its socket", "[listeners]") {
  const Folder folder;
  auto first = bind_at(folder.socket());
  REQUIRE(first);
  const auto second = bind_at(folder.socket());
  REQUIRE_FALSE(second);
  CHECK(second.error().message().find("another server answers") != std::string::npos);
}

TEST_CASE("a link or a file in the way is left alone", "[listeners]") {
  const Folder folder;
  { auto dead = bind_at((folder.path / "real.sock").string()); }
  fs::create_symlink("real.sock", folder.socket());
  CHECK_FALSE(bind_at(folder.socket()));
  CHECK(fs::exists(folder.path / "real.sock"));
  std::ofstream{folder.path / "file"} << "precious";
  CHECK_FALSE(bind_at((folder.path / "file").string()));
  CHECK(fs::file_size(folder.path / "file") == 8);
}

TEST_CASE("at the end only our own socket file is removed", "[listeners]") {
  const Folder folder;
  std::vector<Listener> ours;
  {
    auto made = bind_at(folder.socket());
    REQUIRE(made);
    ours.push_back(std::move(made).value());
  }
  fs::remove(folder.socket());  // somebody tidied up, and another server came
  auto next = bind_at(folder.socket());
  REQUIRE(next);
  remove_socket_files(ours);
  CHECK(fs::exists(folder.socket()));
  std::vector<Listener> theirs;
  theirs.push_back(std::move(next).value());
  remove_socket_files(theirs);
  CHECK_FALSE(fs::exists(folder.socket()));
}

TEST_CASE("a path that is too long is refused, not cut", "[listeners]") {
  const Folder folder;
  CHECK_FALSE(bind_at((folder.path / std::string(120, 'x')).string()));
  CHECK(fs::is_empty(folder.path));
}

TEST_CASE("a TCP listener knows the port that the kernel chose", "[listeners]") {
  auto made = bind_listener("127.0.0.1:0", {});
  REQUIRE(made);
  CHECK(made.value().info.port != 0);
  CHECK(made.value().info.host == "127.0.0.1");
  CHECK_FALSE(made.value().info.unix_socket);
}

TEST_CASE("who has a port that is taken is named", "[listeners]") {
  const auto first = bind_listener("127.0.0.1:0", {});
  REQUIRE(first);
  BindOptions options;
  options.flag = "--metrics-bind";
  const auto second =
      bind_listener("127.0.0.1:" + std::to_string(first.value().info.port), options);
  REQUIRE_FALSE(second);
  const std::string why = second.error().message();
  INFO(why);
  CHECK(why.find("Address already in use by pid " + std::to_string(::getpid()) +
                 " (") != std::string::npos);
  CHECK(why.ends_with("; take another with --metrics-bind"));
}

TEST_CASE("a descriptor is taken only if it came over exec", "[listeners]") {
  auto made = bind_listener("127.0.0.1:0", {});
  REQUIRE(made);
  UniqueFd fd = std::move(made.value().fd);
  const std::string address = "fd://" + std::to_string(fd.get());
  const auto ours = bind_listener(address, {});
  REQUIRE_FALSE(ours);
  CHECK(ours.error().what == "bind " + address + ": no such descriptor was passed");

  REQUIRE(::fcntl(fd.get(), F_SETFD, 0) == 0);  // also: still open
  const auto taken = bind_listener(address, {});
  REQUIRE(taken);
  CHECK(taken.value().fd.get() == fd.release());
  CHECK(taken.value().info.port == made.value().info.port);
  CHECK((::fcntl(taken.value().fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(taken.value().own_path.empty());
}

TEST_CASE("what systemd passes must be a listening stream socket", "[listeners]") {
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
  UniqueFd connected{pair[0]};
  const UniqueFd other{pair[1]};
  const auto accepted = describe_listener(std::move(connected), "http");
  REQUIRE_FALSE(accepted);
  CHECK(accepted.error().message().find("Accept=no") != std::string::npos);
  CHECK_FALSE(describe_listener(
      UniqueFd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)}, "http"));
  CHECK_FALSE(
      describe_listener(UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}, ""));
}

TEST_CASE("whoever may write beside a socket cannot aim root at another file",
          "[listeners]") {
  if (::geteuid() != 0) return;
  constexpr uid_t kUser = 65534;
  const Folder folder;
  fs::permissions(folder.path, fs::perms{0755});
  const std::string secret = folder.path / "secret";
  const fs::path users = folder.path / "users";
  fs::create_directory(users);
  REQUIRE(::chown(users.c_str(), kUser, kUser) == 0);
  const std::string moved = users / "moved";
  for (const std::string& file : {secret, moved}) {
    std::ofstream{file} << "of root";
    fs::permissions(file, fs::perms{0600});
  }
  const std::string path = users / "s.sock";
  std::error_code ignored;
  const std::function<void()> tricks[] = {
      [&] { fs::create_symlink(secret, path, ignored); },
      [&] { fs::create_hard_link(secret, path, ignored); },
      [&] { fs::create_directory(path, ignored); },
      [&] { fs::create_symlink(folder.path / "new", path, ignored); },
      [&] { fs::rename(moved, path, ignored); }};
  for (const auto& trick : tricks) {
    after_bind = [&] {
      fs::remove(path, ignored);
      trick();
    };
    (void)bind_at(
        path,
        {.mode = 0666, .user = "65534", .rights = FileRights{credentials_of(kUser)}});
    if (!fs::exists(moved)) fs::rename(path, moved);
    for (const std::string& file : {secret, moved}) {
      struct stat found {};
      REQUIRE(::stat(file.c_str(), &found) == 0);
      CHECK((found.st_mode & 0777) == 0600);
      CHECK(found.st_uid == 0);
    }
    CHECK_FALSE(fs::exists(folder.path / "new"));
    fs::remove_all(path);
  }
}

TEST_CASE("in a directory of the user's the socket is made by the user",
          "[listeners]") {
  if (::geteuid() != 0) return;
  constexpr uid_t kUser = 65534;
  const Folder folder;
  REQUIRE(::chown(folder.path.c_str(), kUser, kUser) == 0);
  const BindOptions options{.mode = 0600,
                            .user = "4242",
                            .group = "4243",
                            .rights = FileRights{credentials_of(kUser)}};
  // The second time over a stale one that the user may not connect to.
  for (int i = 0; i < 2; ++i) {
    const auto made = bind_at(folder.socket(), options);
    REQUIRE(made);
    struct stat found {};
    REQUIRE(::stat(folder.socket().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    CHECK(found.st_uid == 4242);
    CHECK(found.st_gid == 4243);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "base/files/file_rights.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/process/run_program.h"
#include "base/unique_fd.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using monodon::testing::Scratch;
namespace fs = std::filesystem;

namespace {

constexpr uid_t kUser = 65534;

// Directories as root and a user would have them; all tests here need root.
struct Site {
  Scratch scratch;
  std::string roots = scratch / "roots";
  std::string users = scratch / "users";
  Credentials user{kUser, kUser, {kUser}};

  Site() {
    fs::permissions(scratch / "", fs::perms{0755});
    for (const std::string& directory : {roots, users}) fs::create_directory(directory);
    REQUIRE(::chown(users.c_str(), kUser, kUser) == 0);
  }
  [[nodiscard]] std::string place(const std::string& path) const {
    const auto found = foreign_on_way(path, &user);
    return found ? found->place : "";
  }
};

bool root() {
  return ::geteuid() == 0;
}

void touch(const std::string& path, mode_t mode = 0644) {
  const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode)};
  REQUIRE(fd);
}

uid_t owner(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_uid : static_cast<uid_t>(-1);
}

}  // namespace

TEST_CASE("root trusts directories that are root's alone", "[file_rights]") {
  if (!root()) return;
  const Site site;
  CHECK(site.place(site.roots + "/x.log") == "");
  CHECK(site.place(site.roots + "/not/there/yet") == "");
  CHECK(site.place(site.users + "/x.log") == site.users);
  CHECK(site.place(site.users + "/../roots/x.log") == site.users);
  fs::permissions(site.roots, fs::perms{0777});
  CHECK(site.place(site.roots + "/x.log") == site.roots);
}

TEST_CASE("a link is as good as the way that it leads", "[file_rights]") {
  if (!root()) return;
  const Site site;
  fs::create_directory_symlink(site.users, site.roots + "/current");
  fs::create_symlink("../users/x.log", site.roots + "/x.log");
  fs::create_symlink("loop", site.roots + "/loop");
  CHECK(site.place(site.roots + "/current/x.log") == site.users);
  CHECK(site.place(site.roots + "/x.log") == site.users);
  CHECK(site.place(site.roots + "/loop") == site.roots + "/loop");
  fs::create_directory_symlink("../roots", site.roots + "/self");
  CHECK(site.place(site.roots + "/self/y.log") == "");
}

TEST_CASE("in a directory for all only a directory of root's can be trusted",
          "[file_rights]") {
  if (!root()) return;
  const Site site;
  REQUIRE(::chmod(site.roots.c_str(), 01777) == 0);
  fs::create_directory(site.roots + "/own");
  fs::create_directory(site.roots + "/theirs");
  REQUIRE(::chown((site.roots + "/theirs").c_str(), kUser, kUser) == 0);
  touch(site.roots + "/moved");
  CHECK(site.place(site.roots + "/own/x.log") == "");
  CHECK(site.place(site.roots + "/theirs/x.log") == site.roots + "/theirs");
  CHECK(site.place(site.roots + "/moved") == site.roots + "/moved");
  CHECK(site.place(site.roots + "/missing") == site.roots);
}

TEST_CASE("a group may share a directory of root's with others than the user",
          "[file_rights]") {
  if (!root()) return;
  const Site site;
  constexpr gid_t kGroup = 4243;
  REQUIRE(::chown(site.roots.c_str(), 0, kGroup) == 0);
  fs::permissions(site.roots, fs::perms{0775});
  CHECK(site.place(site.roots + "/x.log") == "");
  const Credentials member{kUser, kUser, {kUser, kGroup}};
  CHECK(foreign_on_way(site.roots + "/x.log", &member)->place == site.roots);
  CHECK(foreign_on_way(site.roots + "/x.log")->place == site.roots);
}

TEST_CASE("what is executed must be root's, not only its directory", "[file_rights]") {
  if (!root()) return;
  const Site site;
  touch(site.roots + "/conf.py");
  CHECK_FALSE(foreign_content(site.roots + "/conf.py"));
  fs::permissions(site.roots + "/conf.py", fs::perms{0664});
  CHECK(foreign_content(site.roots + "/conf.py"));
  REQUIRE(::chown((site.roots + "/conf.py").c_str(), kUser, kUser) == 0);
  CHECK(foreign_content(site.roots + "/conf.py")->uid == kUser);
  CHECK_FALSE(foreign_on_way(site.roots + "/conf.py"));
}

TEST_CASE("where root does not trust the path, the user works on it", "[file_rights]") {
  if (!root()) return;
  const Site site;
  const FileRights rights{site.user};
  {
    const ActingAs acting = rights.for_path(site.users + "/a");
    touch(site.users + "/a");
    CHECK(acting.why() == " (as nobody: " + site.users + " is not root's alone)");
  }
  CHECK(owner(site.users + "/a") == kUser);
  {
    const ActingAs acting = rights.for_path(site.roots + "/a");
    touch(site.roots + "/a");
    CHECK(acting.why().empty());
  }
  CHECK(owner(site.roots + "/a") == 0);
  CHECK(::geteuid() == 0);
  CHECK(::getegid() == 0);
}

TEST_CASE("none of the user's tricks reaches a file of root's", "[file_rights]") {
  if (!root()) return;
  const Site site;
  const FileRights rights{site.user};
  const std::string secret = site.roots + "/secret";
  touch(secret, 0600);
  fs::create_symlink(secret, site.users + "/link");
  fs::create_hard_link(secret, site.users + "/hard");
  fs::create_symlink(site.roots + "/new", site.users + "/dangling");
  fs::create_directory_symlink(site.roots, site.users + "/directory");
  for (const char* name : {"link", "hard", "dangling", "directory/secret"}) {
    CAPTURE(name);
    const std::string path = site.users + "/" + name;
    const ActingAs acting = rights.for_path(path);
    CHECK_FALSE(UniqueFd{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)});
  }
  CHECK(owner(site.roots + "/new") == static_cast<uid_t>(-1));
}

TEST_CASE("a program that is run as a user keeps nothing of root's", "[file_rights]") {
  if (!root()) return;
  const Site site;
  const auto done = run_program(
      {"grep", "-E", "^(Uid|Gid|Groups|CapEff|CapPrm)", "/proc/self/status"},
      std::chrono::seconds{10}, {}, &site.user);
  REQUIRE(done);
  CHECK(done.value().output ==
        "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
        "Groups:\t65534 \nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
  CHECK(::getuid() == 0);
}

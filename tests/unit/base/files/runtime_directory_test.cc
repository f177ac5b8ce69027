// SPDX-License-Identifier: Apache-2.0
// Places for control sockets, and who may stand there already.
#include "base/files/runtime_directory.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/net/unix_address.h"
#include "base/unique_fd.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using monodon::testing::Scratch;

namespace {

// All places below one directory, of which nothing is there yet.
struct Places {
  Places() {
    ::setenv("XDG_RUNTIME_DIR", (scratch / "run").c_str(), 1);
    ::setenv("TMPDIR", (scratch / "tmp").c_str(), 1);
    ::setenv("XDG_CACHE_HOME", (scratch / "cache").c_str(), 1);
  }
  ~Places() {
    for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR", "XDG_CACHE_HOME"})
      ::unsetenv(name);
  }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  Scratch scratch;
};

UniqueFd listen_on(const std::string& path) {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = UnixAddress::of_path(path).value();
  REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777U;
}

}  // namespace

TEST_CASE("a server's directory has its name, and a number only beside another",
          "[runtime_directory]") {
  const Places places;
  const auto first = runtime_directories("mysite.wsgi:application");
  CHECK(first.front() == places.scratch / "run" + "/monodon-mysite.wsgi");
  CHECK(first.back() == places.scratch / "cache" + "/monodon/mysite.wsgi");
  CHECK(runtime_directories("app", 2).front() ==
        places.scratch / "run" + "/monodon-app.2");
  CHECK(runtime_directories("../../x:f('a')").front() ==
        places.scratch / "run" + "/monodon--.-..-x-f--a--");
  CHECK(runtime_directories("").front() == places.scratch / "run" + "/monodon-server");
}

TEST_CASE("what is made is the user's alone, with what is above it",
          "[runtime_directory]") {
  const Places places;
  const auto all = runtime_directories("app");
  CHECK_FALSE(make_runtime_directory(all.front()));  // no $XDG_RUNTIME_DIR there
  REQUIRE(::mkdir((places.scratch / "run").c_str(), 0700) == 0);
  REQUIRE(make_runtime_directory(all.front()));
  CHECK(mode_of(all.front()) == 0700);
  REQUIRE(make_runtime_directory(all.front()));  // again: it is there
  REQUIRE(::mkdir((places.scratch / "tmp").c_str(), 0777) == 0);
  const std::string temporary = all[all.size() - 2];
  REQUIRE(make_runtime_directory(temporary));
  CHECK(mode_of(temporary.substr(0, temporary.rfind('/'))) == 0700);
  REQUIRE(make_runtime_directory(all.back()));  // with ~/.cache itself
}

TEST_CASE("a directory that others may enter, or a link, is not used",
          "[runtime_directory]") {
  const Places places;
  const auto all = runtime_directories("app");
  REQUIRE(::mkdir((places.scratch / "run").c_str(), 0755) == 0);
  CHECK_FALSE(make_runtime_directory(all.front()));
  REQUIRE(::mkdir((places.scratch / "tmp").c_str(), 0777) == 0);
  const std::string temporary = all[all.size() - 2];
  const std::string above = temporary.substr(0, temporary.rfind('/'));
  REQUIRE(::symlink((places.scratch / "run").c_str(), above.c_str()) == 0);
  CHECK_FALSE(make_runtime_directory(temporary));
  if (::geteuid() != 0) return;
  REQUIRE(::unlink(above.c_str()) == 0);
  REQUIRE(::mkdir(above.c_str(), 0700) == 0);
  REQUIRE(::chown(above.c_str(), 65534, 65534) == 0);  // somebody was there first
  CHECK_FALSE(make_runtime_directory(temporary));
}

TEST_CASE("only sockets that are answered count, in directories of the user's alone",
          "[runtime_directory]") {
  const Places places;
  REQUIRE(::mkdir((places.scratch / "run").c_str(), 0700) == 0);
  const auto ours = [&] {
    auto found = answering_control_sockets();
    std::erase_if(found, [&](const std::string& path) {
      return !path.starts_with(places.scratch / "run");
    });
    return found;
  };
  std::vector<UniqueFd> listening;
  for (const char* name : {"dead", "open", "good"}) {
    const std::string directory = runtime_directories(name).front();
    REQUIRE(make_runtime_directory(directory));
    listening.push_back(listen_on(directory + "/control.sock"));
    if (name == std::string{"open"}) REQUIRE(::chmod(directory.c_str(), 0711) == 0);
  }
  listening.erase(listening.begin());
  CHECK(ours() == std::vector<std::string>{runtime_directories("good").front() +
                                           "/control.sock"});
  CHECK_FALSE(is_answered(runtime_directories("dead").front() + "/control.sock"));
}

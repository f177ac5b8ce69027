// SPDX-License-Identifier: Apache-2.0
#include "master/system/identity.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace monodon;
using namespace monodon::master;
namespace fs = std::filesystem;

namespace {

fs::path scratch(const char* name) {
  return fs::temp_directory_path() / (name + std::to_string(::getpid()));
}

}  // namespace

TEST_CASE("users and groups are names or numbers", "[identity]") {
  const auto root = find_owner("root", "");
  REQUIRE(root);
  CHECK(root.value().uid == 0U);
  CHECK(root.value().name == "root");
  CHECK_FALSE(root.value().gid);
  const auto number = find_owner("4242", "4243");
  REQUIRE(number);
  CHECK(number.value().uid == 4242U);
  CHECK(number.value().gid == 4243U);
  CHECK_FALSE(find_owner("no-such-user", ""));
  CHECK_FALSE(find_owner("", "no-such-group"));
  CHECK_FALSE(find_owner("12x", ""));
}

TEST_CASE("privileges that were given up do not come back", "[identity]") {
  if (::getuid() != 0) return;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto owner = find_owner("4242", "4243");
    const bool changed = owner && become(owner.value());
    const bool gone = ::setuid(0) != 0 && ::getuid() == 4242 && ::getegid() == 4243 &&
                      ::getgroups(0, nullptr) == 1;
    ::_exit(changed && gone ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a pid file is held by one master, and gone after it", "[identity]") {
  const fs::path path = scratch("monodon.pid.");
  std::ofstream{path} << "99999999 left by a crash, and longer than a pid\n";
  {
    auto file = PidFile::make(path);
    REQUIRE(file);
    std::string text;
    std::getline(std::ifstream{path}, text, '\0');
    CHECK(text == std::to_string(::getpid()) + "\n");
    const auto second = PidFile::make(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().message().find("another master") != std::string::npos);
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("log files are given to the user that will write them", "[identity]") {
  if (::getuid() != 0) return;
  const fs::path path = scratch("monodon.log.");
  fs::create_directory(path);
  const auto owner = find_owner("4242", "");
  REQUIRE(owner);
  const FileRights rights = rights_of(owner.value());
  const fs::path log = path / "error.log";
  REQUIRE(give_log_file(log, owner.value(), rights));
  struct stat found {};
  REQUIRE(::stat(log.c_str(), &found) == 0);
  CHECK(found.st_uid == 4242);
  CHECK(give_log_file("-", owner.value(), rights));
  fs::remove_all(path);
}

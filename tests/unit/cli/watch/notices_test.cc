// SPDX-License-Identifier: Apache-2.0
// What the kernel tells of directories.
#include "cli/watch/notices.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/cpp/scratch.h"

using namespace monodon::cli;
using monodon::testing::Scratch;
namespace fs = std::filesystem;

namespace {

// As touch(1) does.
void touch(const std::string& path) {
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0);
}

}  // namespace

TEST_CASE("each way of saving a file tells of its directory, reading does not",
          "[watch]") {
  const Scratch scratch;
  Notices notices = Notices::open().value();
  const std::string directory = scratch / "a";
  fs::create_directory(directory);
  REQUIRE(notices.watch(directory));
  const auto told = [&] { return notices.read().directories.contains(directory); };
  std::ofstream{directory + "/x.py"} << "1";
  CHECK(told());
  std::ifstream{directory + "/x.py"}.get();
  CHECK_FALSE(told());
  std::ofstream{directory + "/x.py"} << "22";
  CHECK(told());
  std::ofstream{scratch / "y.py"} << "333";
  fs::rename(scratch / "y.py", directory + "/x.py");
  CHECK(told());
  touch(directory + "/x.py");
  CHECK(told());
  fs::remove(directory + "/x.py");
  CHECK(told());
}

TEST_CASE("what is written and not closed is told apart, by its name", "[watch]") {
  const Scratch scratch;
  Notices notices = Notices::open().value();
  std::ofstream file{scratch / "x.py"};
  REQUIRE(notices.watch(scratch / "."));
  file << "1" << std::flush;
  const Notices::News news = notices.read();
  CHECK(news.directories.empty());
  CHECK(news.written ==
        std::set{std::pair<std::string, std::string>{scratch / ".", "x.py"}});
  file.close();
  CHECK(notices.read().directories.contains(scratch / "."));
}

TEST_CASE("a directory that was moved is known by its new name only", "[watch]") {
  const Scratch scratch;
  Notices notices = Notices::open().value();
  fs::create_directory(scratch / "old");
  REQUIRE(notices.watch(scratch / "old"));
  fs::rename(scratch / "old", scratch / "new");
  REQUIRE(notices.watch(scratch / "new"));  // the same watch
  notices.forget(scratch / "old");
  (void)notices.read();
  std::ofstream{scratch / "new/x.py"} << "1";
  CHECK(notices.read().directories == std::set<std::string>{scratch / "new"});
  notices.forget(scratch / "new");
  std::ofstream{scratch / "new/x.py"} << "22";
  CHECK(notices.read().directories.empty());
}

TEST_CASE("a full queue is told, since then anything may have changed", "[watch]") {
  const Scratch scratch;
  Notices notices = Notices::open().value();
  REQUIRE(notices.watch(scratch / "."));
  std::ifstream limit{"/proc/sys/fs/inotify/max_queued_events"};
  unsigned most = 0;
  REQUIRE(limit >> most);
  CHECK_FALSE(notices.read().lost);
  for (const char* name : {"a", "b"}) std::ofstream{scratch / name} << "x";
  // Two in turn: the kernel would merge those that are alike.
  for (unsigned i = 0; i <= most / 2; ++i) {
    touch(scratch / "a");
    touch(scratch / "b");
  }
  CHECK(notices.read().lost);
}

TEST_CASE("what is gone before it can be watched is no error", "[watch]") {
  const Scratch scratch;
  Notices notices = Notices::open().value();
  CHECK(notices.watch(scratch / "never"));
  Notices none;
  CHECK(none.watch(scratch / "."));
}

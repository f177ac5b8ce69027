// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/body_spool.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>

using namespace monodon;
using worker::BodySpool;

namespace {

struct Folder {
  std::string path = "/tmp/monodon-spool-XXXXXX";
  Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Folder() { (void)::rmdir(path.c_str()); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] int entries() const {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(path.c_str()),
                                                     ::closedir};
    int count = -2;  // . and ..
    while (::readdir(folder.get()) != nullptr) ++count;
    return count;
  }
};

std::string whole(BodySpool& body, std::size_t piece) {
  std::string text;
  std::vector<char> buffer(piece);
  for (;;) {
    const std::int64_t got = body.read(text.size(), buffer.data(), piece);
    REQUIRE(got >= 0);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// Files cannot grow beyond `bytes` while this lives: the nearest thing to a full disk
// that needs no privilege. write(2) is cut short at the limit, then fails with EFBIG.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    REQUIRE(::sigaction(SIGXFSZ, &ignore, &action_) == 0);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit_) == 0);
    const rlimit less{bytes, limit_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &less) == 0);
  }
  ~FullDisk() {
    (void)::setrlimit(RLIMIT_FSIZE, &limit_);
    (void)::sigaction(SIGXFSZ, &action_, nullptr);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limit_{};
  struct sigaction action_ {};
};

}  // namespace

TEST_CASE("a body up to the limit stays in memory", "[spool]") {
  BodySpool body{10, "/nowhere"};
  CHECK(body.size() == 0);
  CHECK(whole(body, 4).empty());
  REQUIRE(body.append("01234"));
  REQUIRE(body.append("56789"));
  CHECK_FALSE(body.spilled());
  CHECK(body.size() == 10);
  CHECK(whole(body, 4) == "0123456789");
  char one = 0;
  CHECK(body.read(9, &one, 1) == 1);
  CHECK(one == '9');
  CHECK(body.read(10, &one, 1) == 0);
  CHECK(body.read(std::uint64_t{1} << 63, &one, 1) == 0);
}

TEST_CASE("a larger body goes to a file without a name", "[spool]") {
  Folder folder;
  BodySpool body{10, folder.path};
  REQUIRE(body.append("0123456789"));
  REQUIRE(body.append("a"));
  CHECK(body.spilled());
  CHECK(folder.entries() == 0);
  REQUIRE(body.append("bcdef"));
  CHECK(body.size() == 16);
  CHECK(whole(body, 16) == "0123456789abcdef");
  CHECK(whole(body, 3) == "0123456789abcdef");
}

TEST_CASE("a body is the same whatever its pieces and limits were", "[spool]") {
  Folder folder;
  const auto seed = GENERATE(range(0U, 12U));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::size_t limits[] = {0, 1, 1000, 70'000, 1'000'000};
  BodySpool body{limits[seed % 5], folder.path};
  for (int round = 0; round < 2; ++round) {
    std::string expected;
    while (expected.size() < 300'000) {
      const auto longest = random() % 4 == 0 ? 100'000 : 50;
      std::string piece(random() % longest, '\0');
      std::ranges::generate(piece, [&] { return static_cast<char>(random()); });
      REQUIRE(body.append(piece));
      expected += piece;
    }
    REQUIRE(body.size() == expected.size());
    REQUIRE(whole(body, 65'536) == expected);
    for (int i = 0; i < 50; ++i) {
      std::vector<char> buffer(random() % 5000);
      const std::size_t from = random() % expected.size();
      const auto got = body.read(from, buffer.data(), buffer.size());
      REQUIRE(got == static_cast<std::int64_t>(
                         std::min(buffer.size(), expected.size() - from)));
      REQUIRE(std::equal(buffer.begin(), buffer.begin() + got,
                         expected.begin() + static_cast<std::ptrdiff_t>(from)));
    }
    body.reset();
    REQUIRE(body.size() == 0);
    REQUIRE_FALSE(body.spilled());
  }
}

TEST_CASE("a disk that is full in the middle of a write is an error with its code",
          "[spool]") {
  Folder folder;
  BodySpool body{100, folder.path};
  const FullDisk full{150'000};
  REQUIRE(body.append(std::string(100'000, 'x')));
  const auto outcome = body.append(std::string(100'000, 'y'));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == EFBIG);
  CHECK_THAT(outcome.error().what, Catch::StartsWith("write a request body"));
  body.reset();
  REQUIRE(body.append("next"));
  CHECK(whole(body, 10) == "next");
}

TEST_CASE("a directory that is not there is an error with its code", "[spool]") {
  BodySpool body{0, "/nowhere/spool"};
  const auto outcome = body.append("x");
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == ENOENT);
  CHECK_THAT(outcome.error().what, Catch::EndsWith("/nowhere/spool"));
}

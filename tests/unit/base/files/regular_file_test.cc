// SPDX-License-Identifier: Apache-2.0
#include "base/files/regular_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/cpp/scratch.h"

using namespace monodon;

TEST_CASE("a file is read and written whole, or nothing of it", "[regular_file]") {
  const testing::Scratch scratch;
  const std::string path = scratch / "file";
  REQUIRE(write_regular_file(path, std::string(50'000, 'a') + "end"));
  CHECK(read_regular_file(path).value().size() == 50'003);
  CHECK(read_regular_file(path, 50'003));
  CHECK(read_regular_file(path, 50'002).error().code == EFBIG);
  CHECK(end_of_regular_file(path, 3).value() == "end");
  CHECK(end_of_regular_file(path, 60'000).value().size() == 50'003);
  REQUIRE(write_regular_file(path, "short"));
  CHECK(read_regular_file(path).value() == "short");
  CHECK(read_regular_file(scratch / "none").error().code == ENOENT);
}

TEST_CASE("/dev/null is read as an empty file, and not written", "[regular_file]") {
  CHECK(read_regular_file("/dev/null").value().empty());
  CHECK(end_of_regular_file("/dev/null", 10).value().empty());
  CHECK_FALSE(write_regular_file("/dev/null", "text"));
  CHECK_FALSE(read_regular_file("/dev/zero", 10));
}

TEST_CASE("what is put in the place of a file holds up nobody", "[regular_file]") {
  const testing::Scratch scratch;
  const std::string fifo = scratch / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  ::alarm(20);
  for (const std::string& path : {fifo, std::string{"/dev/zero"}, scratch / "."}) {
    INFO(path);
    CHECK_FALSE(read_regular_file(path));
    CHECK_FALSE(end_of_regular_file(path, 1));
    CHECK_FALSE(write_regular_file(path, "x"));
  }
  ::alarm(0);
}

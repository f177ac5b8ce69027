// SPDX-License-Identifier: Apache-2.0
#include "base/process/process_title.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using namespace monodon;

namespace {

std::string file(const char* path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string shown() {
  const std::string all = file("/proc/self/cmdline");
  return all.substr(0, all.find('\0'));
}

}  // namespace

TEST_CASE("a title is what the kernel shows as the command line", "[process_title]") {
  worker::set_title("monodon: w");
  CHECK(shown() == "monodon: w");
  worker::set_title("mono");
  CHECK(shown() == "mono");
}

TEST_CASE("a title that is too long is cut and leaves the environment alone",
          "[process_title]") {
  const std::string before = file("/proc/self/environ");
  const std::size_t room = file("/proc/self/cmdline").size();
  worker::set_title(std::string(100'000, 'x'));
  CHECK(shown() == std::string(room - 1, 'x'));
  CHECK(file("/proc/self/environ") == before);
}

TEST_CASE("a title holds no control bytes", "[process_title]") {
  worker::set_title("a\x1b[\n");
  CHECK(shown() == "a?[?");
}

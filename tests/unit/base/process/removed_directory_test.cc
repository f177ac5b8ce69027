// SPDX-License-Identifier: Apache-2.0
#include "base/process/removed_directory.h"

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>

TEST_CASE("a directory that was removed is told by its name", "[process]") {
  namespace fs = std::filesystem;
  const fs::path before = fs::current_path();
  CHECK(monodon::removed_directory_of(::getpid()).empty());
  std::string name = (fs::temp_directory_path() / "removed-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  fs::current_path(name);
  fs::remove(name);
  const std::string told = monodon::removed_directory_of(::getpid());
  fs::current_path(before);
  CHECK(told == name);
  CHECK(monodon::removed_directory_of(-1).empty());
}

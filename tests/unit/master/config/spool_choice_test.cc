// SPDX-License-Identifier: Apache-2.0
#include "master/config/spool_choice.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/files/spool_file.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::master;
using monodon::testing::Scratch;

TEST_CASE("bodies are spooled where it was asked, and otherwise where it goes",
          "[spool]") {
  const Scratch scratch;
  std::ofstream{scratch / "file"} << "no directory";
  worker::Settings settings;
  settings.spool_limit = 3 << 20;
  settings.spool_directory = scratch / "";
  SpoolChoice choice = choose_spool(settings);
  CHECK(choice.directory == settings.spool_directory);
  CHECK(choice.as_asked);
  CHECK(choice.told() == "large bodies are spooled in " + settings.spool_directory +
                             ", at most 3M of all workers together");
  CHECK(std::filesystem::exists(scratch / "file"));

  settings.environment = {"A=b", "TMPDIR=" + (scratch / "")};
  settings.spool_directory = scratch / "file";
  choice = choose_spool(settings);
  CHECK(choice.directory == scratch / "");
  CHECK_FALSE(choice.as_asked);
  CHECK(choice.why == "spool_directory: open a spool file in " + (scratch / "file") +
                          ": Not a directory");

  settings.spool_directory = "";
  settings.environment = {"TMPDIR=/nonexistent"};
  choice = choose_spool(settings);
  CHECK(choice.directory == "/var/tmp");
  CHECK(choice.as_asked);
  CHECK(choice.why == "open a spool file in /nonexistent: No such file or directory");
}

TEST_CASE("a spool in memory is a file like any other", "[spool]") {
  CHECK(try_spool(std::string{kSpoolMemory}));
}

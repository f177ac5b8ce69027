// SPDX-License-Identifier: Apache-2.0
#include "master/chronicle/dead_requests.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/unique_fd.h"

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

TEST_CASE("a request that died with its worker gets its line, and cannot forge one",
          "[obituary]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("access." + std::to_string(::getpid()));
  worker::Settings settings;
  settings.access_log = path;
  settings.access_log_format = "%(h)s \"%(r)s\" %(s)s %(D)s";
  log_dead_requests(settings, {{"GET /boom", "id-1", 1500us, "10.0.0.1"},
                               {"GET /\"\n10.0.0.9 \"GET /fine", "", 1ms, ""}});
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::filesystem::remove(path);
  CHECK(text ==
        "10.0.0.1 \"GET /boom HTTP/1.1\" 502 1500\n"
        "- \"GET /\\\"\\x0a10.0.0.9 \\\"GET /fine HTTP/1.1\" 502 1000\n");
}

TEST_CASE("without an access log nothing is written, nowhere", "[obituary]") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("no-log." + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  // What would go to stdout, as "-" does, lands in a file that is looked at.
  std::fflush(stdout);
  const UniqueFd stdout_kept{::fcntl(1, F_DUPFD_CLOEXEC, 3)};
  const UniqueFd caught{::memfd_create("stdout", MFD_CLOEXEC)};
  REQUIRE(::dup2(caught.get(), 1) == 1);
  worker::Settings settings;
  settings.access_log = "";
  log_dead_requests(settings, {{"GET /", "", 1ms, ""}});
  REQUIRE(::dup2(stdout_kept.get(), 1) == 1);
  std::filesystem::current_path(before);
  struct stat about {};
  REQUIRE(::fstat(caught.get(), &about) == 0);
  CHECK(about.st_size == 0);
  CHECK(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
}

// SPDX-License-Identifier: Apache-2.0
#include "master/dead_requests.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

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
        "10.0.0.1 \"GET /boom\" - 1500\n"
        "- \"GET /\\\"\\x0a10.0.0.9 \\\"GET /fine\" - 1000\n");
}

TEST_CASE("without an access log nothing is written", "[obituary]") {
  worker::Settings settings;
  settings.access_log = "";
  CHECK_NOTHROW(log_dead_requests(settings, {{"GET /", "", 1ms, ""}}));
}

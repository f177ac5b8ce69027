// SPDX-License-Identifier: Apache-2.0
#include "cli/messages_page.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/log/log_id.h"

using namespace monodon;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

// When it fails: monodon generate messages > docs/messages.md
TEST_CASE("the committed page of messages is that of the table", "[docs]") {
  CHECK(read(fs::path{MONODON_SOURCE_ROOT} / "docs/messages.md") ==
        cli::messages_page());
}

TEST_CASE("each kind of message has an id of its own, with cause and remedy",
          "[docs]") {
  std::set<std::string_view> seen;
  for (const log::IdRow& row : log::ids()) {
    INFO(row.name);
    CHECK(row.message_id.size() == 32);
    CHECK(row.message_id.find_first_not_of("0123456789abcdef") ==
          std::string_view::npos);
    CHECK(seen.insert(row.message_id).second);
    CHECK(seen.insert(row.name).second);
    CHECK(row.cause.ends_with('.'));
    CHECK(row.remedy.ends_with('.'));
  }
}

TEST_CASE("each kind of message is written somewhere", "[docs]") {
  std::string sources;
  for (const char* folder : {"master", "worker", "metrics"})
    for (const auto& entry :
         fs::recursive_directory_iterator{fs::path{MONODON_SOURCE_ROOT} / folder})
      if (entry.path().extension() == ".cc") sources += read(entry.path());
  for (const log::IdRow& row : log::ids()) {
    INFO(row.name);
    const std::string use = "log::Id::" + std::string{row.name};
    const bool used = [&] {
      for (auto at = sources.find(use); at != sources.npos;
           at = sources.find(use, at + 1))
        if (std::string_view{",})\n; "}.find(sources[at + use.size()]) !=
            std::string_view::npos)
          return true;
      return false;
    }();
    CHECK(used);
  }
}

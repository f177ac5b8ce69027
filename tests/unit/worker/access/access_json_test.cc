// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/cpp/access_record.h"

using namespace monodon;
using namespace monodon::worker;
using monodon::testing::Finished;
using monodon::testing::line;

TEST_CASE("a JSON line has the same keys for every request", "[access]") {
  const Finished request;
  const auto full = nlohmann::json::parse(line(request.record, "json"));
  CHECK(full["time"] == "2026-11-23T21:26:50+00:00");
  CHECK(full["remote_addr"] == "192.0.2.7");
  CHECK(full["user"] == "alice");
  CHECK(full["uri"] == "/caf%C3%A9?q=1");
  CHECK(full["status"] == 200);
  CHECK(full["bytes"] == 1234);
  CHECK(full["duration_us"] == 2'034'567);
  CHECK(full["request_id"] == "abc-1");
  CHECK(full["protocol"] == "HTTP/1.1");
  CHECK(full["pid"] == ::getpid());

  const auto empty = nlohmann::json::parse(line(AccessRecord{}, "json"));
  CHECK(empty["status"].is_null());
  CHECK(empty["protocol"].is_null());
  CHECK(empty["uri"].is_null());
  std::vector<std::string> names[2];
  for (const auto& [key, value] : full.items()) names[0].push_back(key);
  for (const auto& [key, value] : empty.items()) names[1].push_back(key);
  CHECK(names[0] == names[1]);
}

// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/request_words.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::worker;

TEST_CASE("a request is named by what is known of it", "[log]") {
  http::Origin origin;
  CHECK(name_request("GET", "/a", "", origin) == "GET /a");
  CHECK(name_request("GET", "/a", "5f", origin) == "GET /a (request 5f)");
  origin.remote_addr = "192.0.2.7";
  origin.trace_id = "4bf9";
  CHECK(name_request("GET", "/a", "5f", origin) ==
        "GET /a (request 5f, trace 4bf9, from 192.0.2.7)");
  // It is one and the same where the proxy sends no id of its own.
  CHECK(name_request("GET", "/a", "4bf9", origin) ==
        "GET /a (request 4bf9, from 192.0.2.7)");
}

TEST_CASE("times are what a person reads", "[log]") {
  CHECK(spell_ns(250'000'000) == "250 ms");
  CHECK(spell_ns(30'000'089'000) == "30.0 s");
}

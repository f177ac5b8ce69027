// SPDX-License-Identifier: Apache-2.0
#include "worker/http/request.h"

#include <catch2/catch.hpp>

using namespace monodon::http;

TEST_CASE("the first field of a name is found without case", "[request]") {
  RequestHead head;
  head.fields = {{"Accept", "a"}, {"ACCEPT", "b"}, {"X-Empty", ""}, {"Accepts", "c"}};
  CHECK(head.find("accept") == "a");
  CHECK(head.find("accepts") == "c");
  CHECK(head.find("x-empty").data() != nullptr);
  CHECK(head.find("x-empt").data() == nullptr);
  CHECK(head.find("").data() == nullptr);
}

TEST_CASE("a cleared head is new but keeps its room", "[request]") {
  RequestHead head;
  head.fields.resize(20);
  head.forwarder_fields.resize(2);
  head.method = "POST";
  head.minor_version = 0;
  head.keep_alive = false;
  head.expect_continue = true;
  head.framing = Framing::chunked;
  head.dropped_fields = 3;
  const auto room = head.fields.capacity();
  head.clear();
  CHECK(head.fields.empty());
  CHECK(head.fields.capacity() == room);
  CHECK(head.forwarder_fields.empty());
  CHECK(head.method.data() == nullptr);
  CHECK(head.minor_version == 1);
  CHECK(head.keep_alive);
  CHECK_FALSE(head.expect_continue);
  CHECK(head.framing == Framing::none);
  CHECK(head.dropped_fields == 0);
}

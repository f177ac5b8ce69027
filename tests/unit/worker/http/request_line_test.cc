// SPDX-License-Identifier: Apache-2.0
#include "worker/http/request_line.h"

#include <catch2/catch.hpp>

using namespace monodon::http;

TEST_CASE("an authority is host[:port]", "[request_line]") {
  const auto* good = GENERATE("a", "a.b:80", "a:", "[::1]", "[v1.x]:1", "[V1f.a:b]",
                              "[2001:db8::1]:80", "[::ffff:1.2.3.4]", "1.2.3.4", "a_b",
                              "%C3%A9", "xn--abc");
  INFO(good);
  CHECK(valid_authority(good));
}

TEST_CASE("what is not host[:port] is no authority", "[request_line]") {
  const auto* bad =
      GENERATE("", ":80", "a:b", "a:1:2", "u@a", "a/b", "a?b", "a#b", "a b", "[]", "[",
               "[::1", "[::1]1", "a]", "a[b", "[[::1]", "[zz]", "[4712::abcd::]",
               "[1.2.3.4]", "[::1%25eth0]", "[v.x]", "[v1.]", "[v1x]", "[vg.x]",
               "[v1.%41]", "[12345::]", "a\"", "a<", "\xc3\xa9", "a,b@c");
  INFO(bad);
  CHECK_FALSE(valid_authority(bad));
}

TEST_CASE("a request line becomes method, target and version", "[request_line]") {
  RequestHead head;
  REQUIRE(parse_request_line("DELETE /a?b HTTP/1.0", head) == nullptr);
  CHECK(head.method == "DELETE");
  CHECK(head.target == "/a?b");
  CHECK(head.minor_version == 0);
  CHECK(head.host.data() == nullptr);
}

TEST_CASE("no short line is read past its end", "[request_line]") {
  const std::string line = "GET / HTTP/1.1";
  for (std::size_t size = 0; size < line.size(); ++size) {
    RequestHead head;
    const std::string copy = line.substr(0, size);
    REQUIRE(parse_request_line({copy.data(), size}, head) != nullptr);
  }
}

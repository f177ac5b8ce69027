// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "worker/access/access_log.h"

namespace monodon::testing {

// A finished request with every value that a line can show. UTC, so that times are
// the same everywhere.
struct Finished {
  Finished() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    head.method = "GET";
    head.target = "/caf%C3%A9?q=1";
    head.path = "/caf%C3%A9";
    head.query = "q=1";
    head.host = "example.org";
    head.request_line = "GET /caf%C3%A9?q=1 HTTP/1.1";
    head.fields = {{"Host", "example.org"},
                   {"User-Agent", "curl/7.88.1"},
                   {"Referer", "https://example.org/"},
                   {"Authorization", "Basic YWxpY2U6c2VjcmV0"},
                   {"X-Thing", "some thing"}};
    record.head = &head;
    record.remote_addr = "192.0.2.7";
    record.scheme = "https";
    record.request_id = "abc-1";
    record.response_head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Cache:  hit \r\n\r\n";
    record.status = 200;
    record.body_bytes = 1234;
    record.duration_us = 2'034'567;
    record.wall_seconds = 1'795'469'210;  // 2026-11-23 21:26:50
  }
  http::RequestHead head;
  worker::AccessRecord record;
};

inline std::string line(const worker::AccessRecord& record, std::string_view format) {
  auto compiled = worker::AccessFormat::compile(format);
  REQUIRE(compiled);
  worker::ByteBuffer to;
  compiled.value().append(record, to);
  REQUIRE(to.view().ends_with('\n'));
  return std::string{to.view().substr(0, to.size() - 1)};
}

}  // namespace monodon::testing

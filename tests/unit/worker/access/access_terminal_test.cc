// SPDX-License-Identifier: Apache-2.0
// The line of a request for who reads along.
#include "worker/access/access_terminal.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/cpp/access_record.h"

using namespace monodon::worker;
using monodon::testing::Finished;

namespace {

std::string line_of(const AccessRecord& record, bool coloured = false) {
  std::string line;
  access::append_terminal_line(line, record, coloured);
  return line;
}

}  // namespace

TEST_CASE("a line has time, status, duration, target and size", "[access]") {
  Finished request;
  CHECK(line_of(request.record) ==
        "21:26:50 200  2035 ms  GET /caf%C3%A9?q=1  1.2 KiB\n");
  request.record.duration_us = 1234;
  request.record.body_bytes = 0;
  CHECK(line_of(request.record) == "21:26:50 200   1.2 ms  GET /caf%C3%A9?q=1\n");
  request.record.duration_us = 12'000'000;
  request.record.status = 0;
  CHECK(line_of(request.record) == "21:26:50 ---   12.0 s  GET /caf%C3%A9?q=1\n");
  CHECK(line_of(AccessRecord{}).find("(not a request)") != std::string::npos);
}

TEST_CASE("what a client sends cannot colour the line, its status does", "[access]") {
  Finished request;
  request.head.target = "/\x1b[31mred";
  CHECK(line_of(request.record).find('\x1b') == std::string::npos);
  request.record.status = 500;
  CHECK(line_of(request.record, true).find("\x1b[31m500\x1b[0m") != std::string::npos);
  request.record.status = 204;
  CHECK(line_of(request.record, true).find("\x1b[32m204\x1b[0m") != std::string::npos);
}

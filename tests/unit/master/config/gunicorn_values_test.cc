// SPDX-License-Identifier: Apache-2.0
#include "master/config/gunicorn_values.h"

#include <catch2/catch.hpp>

using namespace monodon::master;

namespace {

TakenValue take(std::string_view key, std::string_view text) {
  return take_gunicorn_value(*find_setting(key), text);
}

}  // namespace

TEST_CASE("numbers are read as Python reads them", "[gunicorn_values]") {
  for (const char* two : {"2", " 2 ", "2\r\n", "+2", "0x2", "0b10", "0o2", "02"}) {
    CHECK(take("workers", two).text == "2");
    CHECK(take("workers", two).warning.empty());
  }
  CHECK(take("max_requests", "1_000").text == "1000");
  CHECK(take("request_timeout", "30s").text == "30s");
  for (const char* none : {"", "x", "-1", "1__0", "_1", "1_", "0x", "1.5"}) {
    CHECK(take("workers", none).text == none);
  }
}

TEST_CASE("a value beyond a limit that Gunicorn does not have is that limit",
          "[gunicorn_values]") {
  CHECK(take("backlog", "100000").text == "65535");
  CHECK(take("backlog", "100000").warning ==
        "100000 is more than 65535, which is taken");
  CHECK(take("backlog", "0").text == "1");
  CHECK(take("threads", "0").text == "1");
  CHECK(take("workers", "0").warning == "0 is taken for 1");
  CHECK(take("limit_request_fields", "40000").text == "32768");
  CHECK(take("request_timeout", "999999").text == "86400");
  CHECK(take("request_timeout", "0").text == "0");
  CHECK(take("request_timeout", "0").warning.empty());
  CHECK(take("workers", "1000").text == "1000");  // is refused: a slip of the hand
}

TEST_CASE("an umask of Gunicorn's is the mode of its socket", "[gunicorn_values]") {
  for (const char* seven : {"7", "007", "0007", "0x7", "0o7"}) {
    CHECK(take("umask", seven).key == "socket_mode");
    CHECK(take("umask", seven).text == "0770");
    CHECK(take("umask", seven).warning.empty());
  }
  CHECK(take("umask", "0").text == "0777");
  CHECK(take("umask", "022").text == "0755");
  CHECK(take("umask", "22").text == "0751");
  CHECK(take("umask", "22").warning ==
        "22 is a decimal number, as for Gunicorn: an umask of 0026");
  CHECK(take("umask", "rw").key == "umask");
  CHECK(take("socket_mode", "0660").text == "0660");
}

TEST_CASE("what is no atom of the access log is a dash", "[gunicorn_values]") {
  const TakenValue taken =
      take("access_log_format", "%(h)s %(x)s \"%({a}q)s\" %(D)d 100%% %({b}i)s");
  CHECK(taken.text == "%(h)s - \"-\" %(D)d 100%% %({b}i)s");
  CHECK(taken.warning.starts_with("%(x)s, %({a}q)s: is no atom"));
  CHECK(take("access_log_format", "%(h)s %(s)s").warning.empty());
  const TakenValue broken = take("access_log_format", "%(h) - %(b)d%% %(h)q %(s)s %");
  CHECK(broken.text == "%%(h) - %(b)d%% %%(h)q %(s)s %%");
  CHECK(broken.warning.find("begins no atom") != std::string::npos);
}

TEST_CASE("a level that is none is info", "[gunicorn_values]") {
  CHECK(take("log_level", "WARNING").text == "warning");
  CHECK(take("log_level", "WARNING").warning.empty());
  for (const char* none : {"warn", "trace", ""}) {
    CHECK(take("log_level", none).text == "info");
    CHECK(take("log_level", none).warning.find("is no level") != std::string::npos);
  }
}

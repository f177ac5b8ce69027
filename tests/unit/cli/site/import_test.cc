// SPDX-License-Identifier: Apache-2.0
#include "cli/site/import.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "cli/site/import_unit.h"

using namespace monodon;
using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

constexpr const char* kUnit = R"([Unit]
Requires=shop.socket

[Service]
Type=simple
RuntimeDirectory=gunicorn
WorkingDirectory=/srv/shop
Environment="GUNICORN_CMD_ARGS=--threads 2 --timeout 60"
ExecStart=/srv/shop/.venv/bin/gunicorn --workers 3 --timeout 90 --spew \
  --bind unix:/run/gunicorn/shop.sock --worker-tmp-dir /dev/shm shop.wsgi
PIDFile=/run/shop.pid
TimeoutStopSec=5s
)";

bool any_begins(const Texts& texts, const std::string& begin) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return text.starts_with(begin); });
}

Imported from_flags(Texts flags) {
  GunicornService service;
  service.flags = std::move(flags);
  service.directory = "/";
  return import_service(service);
}

}  // namespace

TEST_CASE("a unit becomes settings, and what has none is told", "[import]") {
  const auto service = read_gunicorn_unit(UnitFile{kUnit}, "shop.service");
  REQUIRE(service);
  const Imported imported = import_service(service.value());
  CHECK(imported.yaml ==
        "application: shop.wsgi\n"
        "bind: [\"unix:/run/gunicorn/shop.sock\"]\n"
        "workers: 3\nthreads: 2\nrequest_timeout: 90s\nhop_by_hop: drop\n");
  CHECK(imported.problems.empty());
  CHECK(any_begins(imported.differences, "--spew: "));
  CHECK(any_begins(imported.differences, "--worker-tmp-dir: "));
  CHECK(any_begins(imported.differences, "preload: "));
  CHECK_FALSE(any_begins(imported.differences, "request_timeout: "));
}

TEST_CASE("an interpreter that would not be found by itself is named", "[import]") {
  const UnitFile unit{
      "[Service]\nWorkingDirectory=/srv/a\nExecStart=-/opt/env/bin/gunicorn a:b\n"};
  const auto service = read_gunicorn_unit(unit, "a.service");
  REQUIRE(service);
  CHECK(import_service(service.value()).yaml ==
        "application: \"a:b\"\npython: /opt/env/bin/python\nhop_by_hop: drop\n");
}

TEST_CASE("a command line that cannot work here is a problem", "[import]") {
  CHECK_FALSE(from_flags({"--workers", "many", "a:b"}).problems.empty());
  CHECK_FALSE(from_flags({"--workers", "2"}).problems.empty());
  CHECK_FALSE(from_flags({"-c", "x.ini", "a:b"}).problems.empty());
  CHECK(from_flags({"a:b"}).problems.empty());
}

TEST_CASE("the unit is changed where it must be, and nowhere else", "[import]") {
  UnitFile unit{kUnit};
  const auto service = read_gunicorn_unit(unit, "shop.service");
  const Texts changes = rewrite_unit(unit, "shop", import_service(service.value()));
  CHECK(unit.value("Service", "Type") == "notify");
  CHECK(unit.value("Service", "TimeoutStopSec") == "40");
  CHECK(unit.value("Unit", "StartLimitIntervalSec") == "0");
  CHECK(unit.value("Service", "Restart") == "always");  // it had none
  CHECK(unit.value("Service", "RestartSec") == "1s");
  CHECK(unit.value("Service", "RuntimeDirectory") == "monodon-shop");
  CHECK(unit.values("Service", "PIDFile").empty());
  CHECK(unit.value("Service", "WorkingDirectory") == "/srv/shop");
  CHECK(any_begins(changes, "TimeoutStopSec=40 (was 5s)"));
  CHECK_FALSE(any_begins(changes, "WorkingDirectory"));
  Imported again;
  again.graceful_timeout = 30'000;
  CHECK(rewrite_unit(unit, "shop", again).empty());
}

TEST_CASE("a service that is started again already keeps its way", "[import]") {
  UnitFile unit{"[Service]\nExecStart=gunicorn a:b\nRestart=on-failure\n"};
  (void)rewrite_unit(unit, "a", {});
  CHECK(unit.value("Service", "Restart") == "on-failure");
  CHECK(unit.value("Service", "RestartSec").empty());
}

TEST_CASE("a socket without a unit of its own keeps its directory", "[import]") {
  UnitFile unit{"[Service]\nExecStart=gunicorn a:b\nRuntimeDirectory=gunicorn\n"};
  Imported imported;
  imported.bind = {"unix:/run/gunicorn/a.sock"};
  (void)rewrite_unit(unit, "a", imported);
  CHECK(unit.value("Service", "RuntimeDirectory") == "gunicorn");
}

TEST_CASE("variables that no unit sets, and the directory, are in the settings",
          "[import]") {
  GunicornService service;
  service.flags = {"-e", "A=flag", "--pythonpath", "/v,/w", "app:app"};
  service.environment = service.carried = {{"A", "1"},
                                           {"B", "2 3"},
                                           {"PYTHONPATH", "/x:/y"},
                                           {"PORT", "$PORT"},
                                           {"LATER", "${X}"},
                                           {"PYTHONUNBUFFERED", "1"},
                                           {"WEB_CONCURRENCY", "4"}};
  service.directory = service.changed_to = "/srv/shop";
  const Imported imported = import_service(service);
  for (const char* line : {"directory: /srv/shop\n", "python_path: [/y, /x, /v, /w]\n",
                           "environment: [\"B=2 3\", \"A=flag\"]\n", "workers: 4\n"}) {
    INFO(imported.yaml);
    CHECK(imported.yaml.find(line) != std::string::npos);
  }
  for (const char* start :
       {"PORT=$PORT: holds a variable", "PYTHONPATH: is in python_path, which is ",
        "LATER=${X}: holds a variable",
        "PYTHONUNBUFFERED: acts on the interpreter as it starts"})
    CHECK(any_begins(imported.differences, start));
  CHECK_FALSE(any_begins(imported.differences, "WEB_CONCURRENCY: "));
}

TEST_CASE("a directory that is not there is told in a sentence", "[import]") {
  GunicornService service;
  service.flags = {"-c", "g.conf.py", "a:b"};
  service.directory = "/nonexistent/site";
  const Texts problems = import_service(service).problems;
  REQUIRE(any_begins(problems, "g.conf.py: is not read, so what it sets is missing"));
  CHECK(problems.at(0).find("/nonexistent/site, where the service starts, is no ") !=
        std::string::npos);
}

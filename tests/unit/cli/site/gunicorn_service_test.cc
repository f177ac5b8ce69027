// SPDX-License-Identifier: Apache-2.0
#include "cli/site/gunicorn_service.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "cli/site/import.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

Imported import_unit(const std::string& lines, const std::string& name = "a.service",
                     const Texts& files = {}) {
  const auto service = read_gunicorn_unit(UnitFile{"[Service]\n" + lines}, name, files);
  REQUIRE(service);
  return import_service(service.value());
}

bool tells(const Imported& imported, const std::string& part) {
  return std::any_of(
      imported.differences.begin(), imported.differences.end(),
      [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("what systemd does to a line is done", "[gunicorn_service]") {
  const Imported imported = import_unit(
      "Environment=WORKERS=4 PORT_OF=8077\n"
      "ExecStart=gunicorn --workers ${WORKERS} -b 127.0.0.1:${PORT_OF} $EXTRA "
      "--access-logformat \"%%(m)s\" --name %i a:b\n",
      "site@shop.service");
  CHECK(imported.yaml ==
        "application: \"a:b\"\nname: shop\nbind: [\"127.0.0.1:8077\"]\nworkers: 4\n"
        "hop_by_hop: drop\naccess_log_format: \"%(m)s\"\n");
  CHECK(imported.problems.empty());
  CHECK(
      tells(imported, "$WORKERS: the settings have the value that it has now, \"4\""));
  CHECK(tells(imported, "$EXTRA: is set neither by the unit nor by its files"));
}

TEST_CASE("a variable that nobody sets is left out with its flag, whoever reads it",
          "[gunicorn_service]") {
  for (const char* start :
       {"gunicorn -w $N --preload $EXTRA --bind=127.0.0.1:${P} -t 5 a:b",
        "sh -c \"exec gunicorn -w $N --preload $EXTRA --bind=127.0.0.1:${P} -t 5 a:b\"",
        "sh -c 'gunicorn -w $(( 2 * $(nproc) )) --preload `x` --bind=$H:1 -t 5 a:b'"}) {
    INFO(start);
    const Imported imported =
        import_unit(std::string{"ExecStart="} + start + "\n", "a.service");
    CHECK(imported.problems.empty());
    CHECK(imported.yaml.find("application: \"a:b\"\n") == 0);
    CHECK(imported.yaml.find("bind") == std::string::npos);
    CHECK(imported.yaml.find("request_timeout: 5") != std::string::npos);
    CHECK(imported.yaml.find("preload: true") != std::string::npos);
    CHECK(tells(imported, "-w $"));
    CHECK(tells(imported, "is left out, since what it comes to is not known here"));
  }
}

TEST_CASE("the command line wins over a variable, here too", "[gunicorn_service]") {
  const Imported imported =
      import_unit("Environment=WEB_CONCURRENCY=6\nExecStart=gunicorn --workers 3 a:b\n",
                  "a.service", {"FORWARDED_ALLOW_IPS=*\nOTHER=1\n"});
  CHECK(imported.yaml.find("workers: 3\n") != std::string::npos);
  CHECK(imported.yaml.find("forwarded_allow_ips: [\"*\"]") != std::string::npos);
  CHECK(imported.variables == Texts{"WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"});
  CHECK(tells(imported, "WEB_CONCURRENCY: is in the settings above; the variable"));
}

TEST_CASE("a pid file goes with PIDFile=", "[gunicorn_service]") {
  const std::string start = "ExecStart=gunicorn --pid /run/g/pid a:b\n";
  CHECK(import_unit("PIDFile=/run/g/pid\n" + start).yaml.find("pid_file") ==
        std::string::npos);
  CHECK(tells(import_unit("PIDFile=g/pid\n" + start), "pid_file: is left out"));
  CHECK(import_unit(start).yaml.find("pid_file") != std::string::npos);
}

TEST_CASE("REMOTE_ADDR is compared with Gunicorn's of that socket",
          "[gunicorn_service]") {
  CHECK(tells(import_unit("ExecStart=gunicorn a:b\n"), "(Gunicorn: the proxy)"));
  CHECK(tells(import_unit("ExecStart=gunicorn -b unix:/a a:b\n"),
              "(Gunicorn: empty, on a Unix socket)"));
}

TEST_CASE("the interpreter is the one that the script names", "[gunicorn_service]") {
  const testing::Scratch scratch;
  std::filesystem::create_directories(scratch / "bin");
  const auto python = [&](const std::string& script) {
    std::ofstream{scratch / "bin/gunicorn"} << script;
    auto service = read_gunicorn_line({scratch / "bin/gunicorn", "a:b"}, "x");
    REQUIRE(service);
    find_python(service.value());
    return service.value();
  };
  CHECK(python("#!/opt/other/bin/python3.11\n").python == "/opt/other/bin/python3.11");
  CHECK(python("#!/usr/bin/env python3\n").python.empty());
  const GunicornService none = python("binary");
  REQUIRE(none.told.size() == 1);
  CHECK(none.told[0].find("is not on this machine; --python names") !=
        std::string::npos);
  const auto there = scratch / "bin/python";
  std::ofstream{there} << "";
  std::filesystem::permissions(there, std::filesystem::perms::all);
  CHECK(python("#!" + (scratch / "bin/python3") + "\n").python == there);
}

TEST_CASE("what does not start Gunicorn is refused", "[gunicorn_service]") {
  CHECK_FALSE(
      read_gunicorn_unit(UnitFile{"[Service]\nExecStart=/bin/true\n"}, "x.service"));
  const auto line = read_gunicorn_line({"daphne", "x"}, "the command line");
  REQUIRE_FALSE(line);
  CHECK(line.error().what.starts_with(
      "the command line: neither Gunicorn nor uWSGI is started there"));
}

TEST_CASE("a unit of uWSGI says what stands behind that program",
          "[gunicorn_service]") {
  const auto unit = read_gunicorn_unit(
      UnitFile{"[Service]\nWorkingDirectory=/srv\nUser=shop\nEnvironment=A=b\n"
               "ExecStart=/srv/env/bin/uwsgi --ini %p.ini\n"},
      "shop.service");
  REQUIRE(unit);
  CHECK(unit.value().uwsgi == Texts{"--ini", "shop.ini"});
  CHECK(unit.value().flags.empty());
  CHECK(unit.value().python == "/srv/env/bin/python");
  CHECK(unit.value().environment == Variables{{"A", "b"}});
  CHECK(unit.value().user == "shop");
}

TEST_CASE("a script that a unit starts is read", "[gunicorn_service]") {
  const auto script = [](const std::string& path) {
    return path == "/srv/start" ? std::string{"#!/bin/bash\n"
                                              "NAME=shop # the name\n"
                                              "SOCK=/run/$NAME/sock\n"
                                              "export DJANGO_SETTINGS_MODULE=shop.settings\n"
                                              "cd /srv/site\n"
                                              "source ../env/bin/activate\n"
                                              "test -d run || mkdir -p run\n"
                                              "exec ../env/bin/gunicorn ${NAME}.wsgi \\\n"
                                              "  --workers ${WORKERS:-3} \\\n"
                                              "  --bind=unix:$SOCK >> log 2>&1\n"}
                                : std::string{};
  };
  const auto unit = read_gunicorn_unit(UnitFile{"[Service]\nExecStart=/srv/start\n"},
                                       "x.service", {}, script);
  REQUIRE(unit);
  CHECK(unit.value().flags ==
        Texts{"shop.wsgi", "--workers", "3", "--bind=unix:/run/shop/sock"});
  CHECK(unit.value().directory == "/srv/site");
  CHECK(unit.value().python == "/srv/site/../env/bin/python");
  CHECK(unit.value().environment.at("DJANGO_SETTINGS_MODULE") == "shop.settings");
  REQUIRE(unit.value().told.size() == 3);
  CHECK(unit.value().told[0].starts_with("mkdir -p run: is run before Gunicorn"));
  CHECK(unit.value().told[1].starts_with("its output is redirected"));
  CHECK(unit.value().told[2].starts_with("/srv/start: is read, not run"));
}

TEST_CASE("what a shell would have computed is left to monodon", "[gunicorn_service]") {
  const auto flags = [](const std::string& line) {
    return read_gunicorn_line({"sh", "-c", line}, "x").value().flags;
  };
  CHECK(flags("gunicorn -b 0.0.0.0:$PORT a:b") == Texts{"a:b"});
  CHECK(flags("gunicorn --bind=:${PORT} -w $WEB_CONCURRENCY a:b") == Texts{"a:b"});
  CHECK(flags("gunicorn -w $(nproc) a:b") == Texts{"-w=auto", "a:b"});
  CHECK(flags("gunicorn -w $(( $(nproc) * 2 )) -b 1.2.3.4:$PORT a:b") == Texts{"a:b"});
}

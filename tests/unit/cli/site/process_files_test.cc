// SPDX-License-Identifier: Apache-2.0
#include "cli/site/process_files.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a Procfile names its process", "[process_files]") {
  const auto service = read_procfile(
      "# ours\nworker: celery -A a\nweb: FOO=1 gunicorn a:b -w 3 --bind :$PORT\n",
      "Procfile");
  REQUIRE(service);
  CHECK(service.value().flags == Texts{"a:b", "-w", "3"});  // monodon reads $PORT
  CHECK(service.value().environment == Variables{{"FOO", "1"}});
  CHECK(service.value().carried == Variables{{"FOO", "1"}});
  CHECK(service.value().told.size() == 2);
  CHECK_FALSE(read_procfile("web: daphne x\n", "Procfile"));
  CHECK(read_procfile("web: uwsgi x.ini\n", "Procfile").value().uwsgi ==
        Texts{"x.ini"});
}

TEST_CASE("a Dockerfile is read in both forms, from its last stage",
          "[process_files]") {
  for (const char* start :
       {"CMD [\"gunicorn\", \"-w\", \"3\", \"a:b\"]", "CMD gunicorn -w 3 a:b",
        "ENTRYPOINT [\"gunicorn\"]\nCMD [\"-w\", \"3\", \"a:b\"]",
        "entrypoint [\"/entry.sh\"]\nCMD [\"gunicorn\", \"-w\", \"3\", \"a:b\"]",
        "CMD exec gunicorn \\\n  -w 3 \\\n  a:b"}) {
    INFO(start);
    const auto service = read_dockerfile(
        std::string{"FROM x AS build\nCMD gunicorn old:app\nFROM y\nENV A=1 B=\"2 3\"\n"
                    "ENV C four\nWORKDIR /srv\nWORKDIR app\nUSER web:web\n"} +
            start + "\n",
        "Dockerfile");
    REQUIRE(service);
    CHECK(service.value().flags == Texts{"-w", "3", "a:b"});
    CHECK(service.value().environment ==
          Variables{{"A", "1"}, {"B", "2 3"}, {"C", "four"}});
    CHECK(service.value().directory == "/srv/app");
    CHECK(service.value().user == "web");
  }
  CHECK_FALSE(read_dockerfile("FROM x\nCMD [\"true\"]\n", "Dockerfile"));
}

TEST_CASE("a program of supervisord is read", "[process_files]") {
  const auto service = read_supervisord(
      "[supervisord]\nuser=root\n[program:celery]\ncommand=celery\n[program:web]\n"
      "command = /srv/env/bin/gunicorn -w 3 --access-logformat \"%%(m)s\" -c "
      "%(here)s/g.py a:b ; ours\ndirectory=/srv\nuser=web\n"
      "environment=A=\"1,2\",B='3'\n",
      "site.conf", "/etc/supervisor");
  REQUIRE(service);
  CHECK(service.value().flags == Texts{"-w", "3", "--access-logformat", "%(m)s", "-c",
                                       "/etc/supervisor/g.py", "a:b"});
  CHECK(service.value().directory == "/srv");
  CHECK(service.value().user == "web");
  CHECK(service.value().python == "/srv/env/bin/python");
  CHECK(service.value().environment == Variables{{"A", "1,2"}, {"B", "3"}});
}

TEST_CASE("values of supervisord go on in lines that begin with a blank",
          "[process_files]") {
  const auto service = read_supervisord(
      "[program:web]\ncommand=%(ENV_VENV)s/bin/gunicorn -w %(ENV_N)s ; one\n"
      "    --bind 127.0.0.1:8000\n\ta:b ; two\nenvironment=\n  A=\"1\",\n  B=\"2\"\n",
      "site.conf", "/etc");
  REQUIRE(service);
  CHECK(service.value().flags == Texts{"--bind", "127.0.0.1:8000", "a:b"});
  CHECK(service.value().python == "${VENV}/bin/python");
  CHECK(service.value().environment == Variables{{"A", "1"}, {"B", "2"}});
  CHECK(service.value().told.at(0).starts_with("-w ${N}: is left out"));
}

TEST_CASE("of several processes the first is read, or the one that is named",
          "[process_files]") {
  const std::string procfile = "web: gunicorn a:b\nadmin: A=1 gunicorn c:d\n";
  const auto first = read_procfile(procfile, "Procfile");
  CHECK(first.value().flags == Texts{"a:b"});
  CHECK(first.value().told.at(1).starts_with(
      "Procfile: Gunicorn as well is admin; each is a service of its own"));
  CHECK(read_procfile(procfile, "Procfile", "admin").value().flags == Texts{"c:d"});
  CHECK(read_procfile(procfile, "Procfile", "x").error().message() ==
        "Procfile: has no process \"x\" that is Gunicorn; there are web, admin");
  const std::string programs =
      "[program:a]\ncommand=gunicorn a:b\n[program:c]\ncommand=gunicorn c:d\n";
  CHECK(read_supervisord(programs, "s.conf", "/", "c").value().flags == Texts{"c:d"});
}

TEST_CASE("what supervisord knows of a program is filled in, and its keys are told",
          "[process_files]") {
  const auto service = read_supervisord(
      "[supervisord]\nenvironment=G=\"1\"\n[program:shop]\n"
      "command=%(ENV_VENV)s/bin/gunicorn -n %(program_name)s_%(process_num)02d a:b\n"
      "environment=VENV=\"/opt/v\",B=\"x=y\"\nuser=web\numask=022\nstopsignal=QUIT\n"
      "stopwaitsecs=60\nautorestart=true\nstdout_logfile=/var/log/x.log\n",
      "s.conf", "/etc");
  REQUIRE(service);
  CHECK(service.value().flags == Texts{"-n", "shop_00", "a:b"});
  CHECK(service.value().python == "/opt/v/bin/python");
  CHECK(service.value().carried ==
        Variables{{"B", "x=y"}, {"G", "1"}, {"VENV", "/opt/v"}});
  std::string told;
  for (const std::string& one : service.value().told) told += one + "\n";
  for (const char* key :
       {"user=web: User=", "umask=022: UMask=", "stopsignal=QUIT: ",
        "stopwaitsecs=60: TimeoutStopSec=", "autorestart=true: Restart=",
        "stdout_logfile=/var/log/x.log: "})
    CHECK(told.find(key) != std::string::npos);
}

TEST_CASE("what a Dockerfile sets is known to the shell of its CMD, stages included",
          "[process_files]") {
  const auto service = read_dockerfile(
      "ARG V=3.11\nFROM python:$V AS base\nARG DIR=/srv\nENV PORT=8000 HOME_DIR=$DIR\n"
      "WORKDIR ${HOME_DIR}/app\nFROM other AS build\nENV PORT=9\n"
      "FROM --platform=linux/amd64 base AS prod\nENV OPTS=\"-w 3 --threads 2\"\n"
      "CMD exec gunicorn -b :$PORT $OPTS ${LATER:+x} a:b\n",
      "Dockerfile");
  REQUIRE(service);
  CHECK(service.value().flags ==
        Texts{"-b", ":8000", "-w", "3", "--threads", "2", "a:b"});
  CHECK(service.value().directory == "/srv/app");
  CHECK(service.value().environment.at("PORT") == "8000");
  std::string told;
  for (const std::string& one : service.value().told) told += one + "\n";
  CHECK(told.find("$PORT: the settings have the value that it has in these files") !=
        std::string::npos);
  CHECK(told.find("${LATER:+x}: is left out") == 0);
  CHECK(told.find("exec: is left out") == std::string::npos);
}

TEST_CASE("a program that is a script is looked into, in a container, too",
          "[process_files]") {
  const ReadScript disk = [](const std::string& path) {
    return path.ends_with("start.sh") ? std::string{"#!/bin/sh\nexec gunicorn a:b\n"}
                                      : std::string{};
  };
  const auto program = read_supervisord("[program:web]\ncommand=/srv/start.sh\n",
                                        "s.conf", "/etc", {}, disk);
  REQUIRE(program);
  CHECK(program.value().flags == Texts{"a:b"});
  const auto image = read_dockerfile(
      "FROM x\nUSER web\nENTRYPOINT [\"/app/start.sh\"]\n", "Dockerfile", disk);
  REQUIRE(image);
  CHECK(image.value().flags == Texts{"a:b"});
  CHECK(image.value().told.back().starts_with("user web: Gunicorn is started as"));
  CHECK(read_procfile("web: bin/start.sh\n", "Procfile", {}, disk));
}

TEST_CASE("a script that hands on its arguments has those of the file that starts it",
          "[process_files]") {
  const ReadScript disk = [](const std::string& path) {
    return path.ends_with("start.sh")
               ? std::string{"#!/bin/sh\nexec gunicorn a:b -w 3 \"$@\"\n"}
               : std::string{};
  };
  const Texts none{"a:b", "-w", "3"};
  const Texts five{"a:b", "-w", "3", "-w", "5"};
  const auto image = [&](const std::string& text) {
    return read_dockerfile("FROM x\n" + text + "\n", "Dockerfile", disk);
  };
  CHECK(image("CMD [\"./start.sh\"]").value().flags == none);
  CHECK(image("CMD ./start.sh -w 5").value().flags == five);
  CHECK(image("ENTRYPOINT [\"./start.sh\"]\nCMD [\"-w\", \"5\"]").value().flags ==
        five);
  CHECK(read_procfile("web: exec sh ./start.sh -w 5\n", "P", {}, disk).value().flags ==
        five);
  CHECK(read_supervisord("[program:web]\ncommand=/x/start.sh -w 5\n", "s.conf", "/", {},
                         disk)
            .value()
            .flags == five);
  const auto bare = read_gunicorn_line({"./start.sh"}, "x", disk);
  REQUIRE(bare);
  CHECK(bare.value().flags == none);
  CHECK(bare.value().told.at(0).starts_with("\"$@\": nobody gives arguments"));
}

TEST_CASE("a relative interpreter is one of the directory that the file names",
          "[process_files]") {
  CHECK(read_supervisord("[program:web]\ncommand=venv/bin/gunicorn a:b\n"
                         "directory=/srv/shop\n",
                         "s.conf", "/etc")
            .value()
            .python == "/srv/shop/venv/bin/python");
  CHECK(
      read_dockerfile("FROM x\nWORKDIR /app\nCMD . ./env/bin/activate && gunicorn a\n",
                      "Dockerfile")
          .value()
          .python == "/app/env/bin/python");
  const UnitFile unit{
      "[Service]\nWorkingDirectory=/srv/shop\n"
      "ExecStart=/bin/sh -c 'source venv/bin/activate && exec gunicorn a:b'\n"};
  CHECK(read_gunicorn_unit(unit, "a.service").value().python ==
        "/srv/shop/venv/bin/python");
}

TEST_CASE("numbers in a program of supervisord are written as Python writes them",
          "[process_files]") {
  const auto service = read_supervisord(
      "[group:front]\nprograms=shop, blog\n[program:shop]\nnumprocs=4\n"
      "numprocs_start=3\ncommand=gunicorn -b :80%(process_num)02d -n "
      "%(group_name)s-%(process_num)d-%(process_num)3d-%(process_num)-3d-%(numprocs)s "
      "-u %(host_node_name)s a:b\n",
      "s.conf", "/etc");
  REQUIRE(service);
  CHECK(service.value().flags ==
        Texts{"-b", ":8003", "-n", "front-3-", "3-3", "-4", "a:b"});
  CHECK(service.value().told.at(0).starts_with("-u ${host_node_name}: is left out"));
}

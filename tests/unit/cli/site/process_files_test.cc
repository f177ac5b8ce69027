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
  CHECK(service.value().flags ==
        Texts{"-w", "${N}", "--bind", "127.0.0.1:8000", "a:b"});
  CHECK(service.value().python == "${VENV}/bin/python");
  CHECK(service.value().environment == Variables{{"A", "1"}, {"B", "2"}});
  CHECK(service.value().told.at(0).starts_with("${N}: holds a variable"));
}

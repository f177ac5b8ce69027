// SPDX-License-Identifier: Apache-2.0
#include "cli/site/compose_file.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a service of a compose file is read, whatever form its command has",
          "[compose_file]") {
  for (const char* command :
       {"    command: gunicorn -w 3 -b 0.0.0.0:8000 a:b\n",
        "    command: [\"gunicorn\", \"-w\", '3', -b, \"0.0.0.0:8000\", \"a:b\"]\n",
        "    command:\n      - gunicorn\n      - -w\n      - \"3\"\n      - -b\n"
        "      - 0.0.0.0:8000\n      - a:b\n",
        "    command: >\n      gunicorn -w 3\n      -b 0.0.0.0:8000 a:b\n",
        "    command: |\n      gunicorn -w 3 \\\n        -b 0.0.0.0:8000 \\\n      "
        "a:b\n",
        "    command: >-\n      gunicorn -w 3 \\\n      -b 0.0.0.0:8000 a:b\n",
        "    command: >\n      sh -c \"true &&\n        gunicorn -w 3\n        -b "
        "0.0.0.0:8000 a:b\"\n",
        "    command: gunicorn -w ${N:-3} -b 0.0.0.0:${PORT-8000}\n      a:b\n",
        "    <<: {command: gunicorn -w 3 -b 0.0.0.0:8000 a:b}\n",
        "    entrypoint: gunicorn\n    command: -w 3 -b 0.0.0.0:8000 a:b # ours\n",
        "    command: sh -c \"exec gunicorn -w 3 -b 0.0.0.0:8000 a:b\"\n"}) {
    INFO(command);
    const auto service = read_compose(
        std::string{"# a site\nversion: \"3\"\nservices:\n  db:\n    image: postgres\n"
                    "    command: postgres -c x=y\n  web:\n    build: .\n"} +
            command +
            "    working_dir: /srv\n    user: \"web:web\"\n    environment:\n"
            "      A: \"1\"\n      B: two # words\n    ports:\n      - \"8000:8000\"\n"
            "  worker:\n    command: gunicorn other:app\nvolumes:\n  data:\n",
        "compose.yaml");
    REQUIRE(service);
    CHECK(service.value().flags == Texts{"-w", "3", "-b", "0.0.0.0:8000", "a:b"});
    CHECK(service.value().directory == "/srv");
    CHECK(service.value().user == "web");
    CHECK(service.value().carried == Variables{{"A", "1"}, {"B", "two"}});
    CHECK(service.value().told.at(3).starts_with(
        "compose.yaml: Gunicorn as well is worker; each is a service of its own"));
  }
}

TEST_CASE("an environment of a compose file may be a list", "[compose_file]") {
  const auto service = read_compose(
      "services:\n    web:\n        environment:\n        - A=1\n        - B\n"
      "        command: gunicorn --bind :${PORT} a:b\n",
      "docker-compose.yml");
  REQUIRE(service);
  CHECK(service.value().environment == Variables{{"A", "1"}});
  CHECK(service.value().told.at(0) ==
        "--bind :${PORT}: is left out: without it monodon listens at $PORT");
  CHECK_FALSE(
      read_compose("services:\n  db:\n    command: postgres\n", "compose.yaml"));
}

TEST_CASE("files of variables and the one of Compose are read", "[compose_file]") {
  const auto read = [](const std::string& path) -> std::string {
    return path == ".env" ? "TAG=x\nN=4\n" : path == "a.env" ? "A=1\nB='2 3'\n" : "";
  };
  const auto service = read_compose(
      "services:\n  web:\n    env_file:\n      - a.env\n      - path: b.env\n"
      "    environment: {A: 9, C: \"${TAG}\"}\n"
      "    entrypoint: [sh, -c]\n    command: [\"gunicorn -w ${N} -b :$$P a:b\"]\n",
      "compose.yaml", {}, read);
  REQUIRE(service);
  CHECK(service.value().carried == Variables{{"A", "9"}, {"B", "2 3"}, {"C", "x"}});
  CHECK(service.value().flags == Texts{"-w", "4", "a:b"});
  CHECK(read_compose("services: [", "c.yaml")
            .error()
            .message()
            .starts_with("c.yaml: line 1: "));
}

TEST_CASE("values that the file .env has given are told, and so is the user",
          "[compose_file]") {
  const auto service = read_compose(
      "services:\n  web:\n    user: app\n    command: gunicorn -w ${N} a:b\n",
      "local.yml", {},
      [](const std::string& path) { return path == ".env" ? "N=5\nM=1\n" : ""; });
  REQUIRE(service);
  CHECK(service.value().flags == Texts{"-w", "5", "a:b"});
  std::string told;
  for (const std::string& text : service.value().told) told += text + "\n";
  CHECK(told.find("${N}: the settings have the value that it has in .env, \"5\"") !=
        std::string::npos);
  CHECK(told.find("${M}") == std::string::npos);
  CHECK(told.find("user app: Gunicorn is started as that user") != std::string::npos);
}

// SPDX-License-Identifier: Apache-2.0
#include "master/config/yaml.h"

#include <catch2/catch.hpp>

#include "master/config/table.h"

using namespace monodon::master;

namespace {

struct Read {
  Settings settings = default_settings();
  Origins origins;
  std::vector<std::string> problems;
  explicit Read(const std::string& text)
      : problems{apply_yaml(text, "m.yaml", settings, origins)} {}
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a file sets what it names and nothing else", "[yaml]") {
  const Read read{
      "workers: 3\n"
      "bind: [\"unix:/run/a.sock\", \"[::1]:80\"]\n"
      "environment: {DJANGO_SETTINGS_MODULE: site.settings, DEBUG: 1}\n"
      "request_timeout: 2m  # a comment\n"
      "umask: 0027\n"
      "preload: off\n"};
  CHECK(read.problems.empty());
  CHECK(read.settings.workers == 3);
  CHECK(read.settings.bind == Texts{"unix:/run/a.sock", "[::1]:80"});
  CHECK(read.settings.worker.environment ==
        Texts{"DJANGO_SETTINGS_MODULE=site.settings", "DEBUG=1"});
  CHECK(read.settings.worker.request_timeout == 120'000);
  CHECK(read.settings.umask == 027);
  CHECK(read.settings.worker.preload == "false");
  CHECK(read.settings.worker.threads == 1);
  CHECK(read.origins.at("bind") == "m.yaml:2:1");
}

TEST_CASE("a file may be empty or all comments", "[yaml]") {
  CHECK(Read{""}.problems.empty());
  CHECK(Read{"# workers: 3\n\n"}.problems.empty());
  CHECK(Read{"---\n...\n"}.problems.empty());
}

TEST_CASE("all problems of a file are told at once, with their places", "[yaml]") {
  const Read read{
      "workes: 3\n"
      "threads: many\n"
      "bind:\n"
      "  - unix:/a\n"
      "  - {b: c}\n"
      "keepalive:\n"
      "log_level: [info]\n"
      "frobnicate_all: 1\n"
      "threads: 2\n"
      "name: ok\n"};
  CHECK(
      read.problems ==
      Texts{"m.yaml:1:1: workes: unknown setting; did you mean workers?",
            "m.yaml:2:10: threads: \"many\" is not a whole number",
            "m.yaml:4:3: bind: must be a list of texts",
            "m.yaml:6:1: keepalive: has no value; write \"\" for none",
            "m.yaml:7:12: log_level: must be one value: one of: debug, info, warning, "
            "error, critical",
            "m.yaml:8:1: frobnicate_all: unknown setting",
            "m.yaml:9:1: threads: is set a second time; first at m.yaml:2:1"});
  CHECK(read.settings.worker.name == "ok");
}

TEST_CASE("what is not YAML, or not settings, is one problem with a place", "[yaml]") {
  CHECK(Read{"workers: [1\nname: x\n"}.problems.at(0).starts_with("m.yaml:"));
  CHECK(Read{"a: b: c\n"}.problems.at(0).starts_with("m.yaml:1:5: not YAML: "));
  CHECK(Read{"- workers\n"}.problems ==
        Texts{"m.yaml:1:1: must be settings, a line each: \"workers: 3\""});
  CHECK(Read{"workers\n"}.problems.size() == 1);
  CHECK(Read{"{[a]: 1}\n"}.problems ==
        Texts{"m.yaml:1:2: is not the name of a setting"});
  CHECK(Read{"workers: 2\n---\nworkers: 3\n"}.problems.size() == 1);
  CHECK(Read{"python_path: {a: b}\n"}.problems ==
        Texts{"m.yaml:1:14: python_path: must be a list, not a mapping"});
}

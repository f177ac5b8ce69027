// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/flags.h"

#include <catch2/catch.hpp>

namespace monodon::cli {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("flags of elsewhere become settings, notes and a file", "[flags]") {
  const auto flags = parse_flags({"-w", "3", "--no-sendfile", "--bind=:1", "-b", ":2",
                                  "--worker-tmp-dir", "/dev/shm", "-c", "g.py", "a:b"});
  REQUIRE(flags.has_value());
  CHECK(flags.value().complaints.empty());
  CHECK(flags.value().config_file == "g.py");
  REQUIRE(flags.value().notes.size() == 1);
  CHECK(flags.value().notes[0].starts_with("--worker-tmp-dir: "));
  Texts told;
  for (const master::Override& one : flags.value().overrides) {
    std::string text = one.origin + ":";
    for (const std::string& value : one.values) text += " " + value;
    told.push_back(text);
  }
  CHECK(told ==
        Texts{"APP_MODULE: a:b", "--bind: :1 :2", "--workers: 3", "--sendfile: false"});
}

TEST_CASE("flags that cannot be taken apart are told", "[flags]") {
  const auto cut = parse_flags({"--workers"});
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().what.starts_with("--workers"));
  const auto unknown = parse_flags({"--wrokers", "3"});
  REQUIRE(unknown.has_value());
  CHECK(unknown.value().complaints ==
        Texts{"--wrokers: unknown flag; did you mean --workers?"});
}

TEST_CASE("flags of Gunicorn at their defaults are taken without a word", "[flags]") {
  for (const Texts& words :
       {Texts{"--protocol", "http"}, Texts{"--logger-class", "simple"},
        Texts{"--http-protocols", "h1"}, Texts{"--http2-cleartext", "off"},
        Texts{"--dirty-workers", "0"}, Texts{"--keyfile="},
        Texts{"--asgi-loop", "auto"}, Texts{"--cert-reqs", "0"}}) {
    INFO(words[0]);
    const auto flags = parse_flags(words);
    REQUIRE(flags);
    CHECK(flags.value().complaints.empty());
    CHECK(flags.value().notes.empty());
    CHECK(flags.value().warnings.empty());
  }
}

TEST_CASE("what is no number is a wrong use of a flag, as with argparse", "[flags]") {
  for (const Texts& words :
       {Texts{"-w", "2.0"}, Texts{"--timeout", "1e2"}, Texts{"-m", "x"}}) {
    INFO(words[0]);
    CHECK(parse_flags(words).value().complaints.size() == 1);
  }
  // A wrong configuration, with a status of its own.
  CHECK(parse_flags({"-w", "-1"}).value().complaints.empty());
}

}  // namespace
}  // namespace monodon::cli

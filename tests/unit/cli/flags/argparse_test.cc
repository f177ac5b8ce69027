// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/argparse.h"

#include <catch2/catch.hpp>

#include "cli/flags/settings_options.h"

namespace monodon::cli {
namespace {

using Texts = std::vector<std::string>;

Result<ArgparseLine> read(const Texts& words) {
  CLI::App app;
  const SettingsOptions options{app};
  return read_like_argparse(app, words);
}

Texts words(const Texts& written) {
  const auto line = read(written);
  INFO((line ? "" : line.error().what));
  REQUIRE(line.has_value());
  return line.value().words;
}

std::string problem(const Texts& written) {
  const auto line = read(written);
  REQUIRE_FALSE(line.has_value());
  return line.error().what;
}

TEST_CASE("a flag is read in each form that argparse has", "[argparse]") {
  for (const Texts& form :
       {Texts{"--timeout", "60"}, Texts{"--timeout=60"}, Texts{"-t", "60"},
        Texts{"-t60"}, Texts{"-t=60"}, Texts{"--time", "60"}, Texts{"--time=60"}}) {
    CHECK(words(form) == Texts{"--timeout=60"});
  }
  CHECK(words({"-Rw3"}) == Texts{"--enable-stdio-inheritance", "--workers=3"});
  CHECK(words({"--log-l", "info"}) == Texts{"--log-level=info"});
  CHECK(words({"--error-l=-"}) == Texts{"--error-logfile=-"});
  CHECK(words({"-b", "-1"}) == Texts{"--bind=-1"});
  CHECK(words({"--access-logformat", "- %(h)s"}) ==
        Texts{"--access-logformat=- %(h)s"});
  CHECK(words({"--access-logformat=-%(h)s"}) == Texts{"--access-logformat=-%(h)s"});
  CHECK(words({"--no-send"}) == Texts{"--no-sendfile"});
  CHECK(words({"--max-lif=3"}) == Texts{"--max-lifetime=3"});
}

TEST_CASE("an empty value is one, and swallows nothing", "[argparse]") {
  CHECK(words({"--pid=", "a:b"}) == Texts{"--pid", "", "a:b"});
  CHECK(words({"--pid", "", "a:b"}) == Texts{"--pid", "", "a:b"});
  CHECK(words({"-p", "", "a:b"}) == Texts{"--pid", "", "a:b"});
}

TEST_CASE("the application is found, and what is right after it left out",
          "[argparse]") {
  CHECK(words({"--", "a:b"}) == Texts{"a:b"});
  CHECK(words({"-w", "3", "--", "a:b"}) == Texts{"--workers=3", "a:b"});
  CHECK(words({"a:b", "", "-w3"}) == Texts{"a:b", "--workers=3"});
  CHECK(read({"a:b", ""}).value().notes.empty());
  CHECK(read({"a:b", "x"}).value().notes ==
        Texts{"x: is ignored; only one application can be given"});
  CHECK(problem({"a:b", "-w3", "x"}) == "x: only one application can be given");
  CHECK(problem({"--", "-x"}) == "-x: is no application");
}

TEST_CASE("what argparse refuses is refused with the way out", "[argparse]") {
  CHECK(
      problem({"--work", "3"}) ==
      "--work: is short for more than one flag: --worker-class, --worker-connections, "
      "--worker-tmp-dir, --workers");
  CHECK(problem({"a:b", "--workers"}) == "--workers: needs a value");
  CHECK(problem({"--workers", "--", "3"}) == "--workers: needs a value");
  CHECK(problem({"--access-logformat", "-%(h)s", "a:b"}) ==
        "--access-logformat: needs a value; one that begins with a dash is written "
        "--access-logformat=-%(h)s");
  CHECK(words({"--frobnicate", "a:b"}) == Texts{"--frobnicate", "a:b"});
}

}  // namespace
}  // namespace monodon::cli

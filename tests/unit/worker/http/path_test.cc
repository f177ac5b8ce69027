// SPDX-License-Identifier: Apache-2.0
#include "worker/http/path.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <utility>

using namespace monodon;
using namespace monodon::http;

namespace {

std::string decoded(std::string_view path) {
  std::string text;
  percent_decode(path, text);
  return text;
}

}  // namespace

TEST_CASE("a path is decoded once, and what is no code stays", "[path]") {
  CHECK(decoded("/a%20b") == "/a b");
  CHECK(decoded("/%e9%E9") == "/\xe9\xe9");
  CHECK(decoded("/%2525") == "/%25");
  CHECK(decoded("/%") == "/%");
  CHECK(decoded("/%4") == "/%4");
  CHECK(decoded("/%zz%41") == "/%zzA");
  CHECK(decoded("/%+1%41") == "/%+1A");
}

TEST_CASE("a prefix ends where a segment does", "[path]") {
  CHECK(path_below("/app", "/app") == "");
  CHECK(path_below("/app", "/app/") == "/");
  CHECK(path_below("/app", "/app//x") == "//x");
  CHECK(path_below("/app", "/app/a%20b") == "/a%20b");
  CHECK(path_below("/app", "/%61pp/x") == "/x");
  CHECK(path_below("/a b", "/a%20b/x") == "/x");
  CHECK(path_below("/a%20b", "/a%20b/x") == "/x");
  CHECK(path_below("/app", "/app%2fx") == "%2fx");
  CHECK(path_below("", "/x") == "/x");
  CHECK(path_below("", "*") == "*");
  CHECK_FALSE(path_below("/app", "/apple"));
  CHECK_FALSE(path_below("/app", "/app%6ce"));
  CHECK_FALSE(path_below("/app", "/App"));
  CHECK_FALSE(path_below("/app", "/ap"));
  CHECK_FALSE(path_below("/app", "/"));
  CHECK_FALSE(path_below("/app", "/%2561pp"));
  CHECK_FALSE(path_below("/app", "*"));
}

TEST_CASE("slashes at the end of SCRIPT_NAME mean nothing", "[path]") {
  CHECK(script_name_of("/app/") == "/app");
  CHECK(script_name_of("/app//") == "/app");
  CHECK(script_name_of("/a/b") == "/a/b");
  CHECK(script_name_of("/").empty());
  CHECK(script_name_of("").empty());
}

TEST_CASE("SCRIPT_NAME of the environment is a path or an error", "[path]") {
  (void)::setenv("SCRIPT_NAME", "/app/", 1);
  CHECK(script_name_of_environment().value() == "/app");
  (void)::setenv("SCRIPT_NAME", "app", 1);
  CHECK(script_name_of_environment().error().message().starts_with(
      "SCRIPT_NAME in the environment: \"app\" is not a path"));
  (void)::unsetenv("SCRIPT_NAME");
  CHECK(script_name_of_environment().value().empty());
}

TEST_CASE("a path is made normal as proxies do it, and has no way out", "[http]") {
  const std::pair<const char*, const char*> rows[] = {
      {"/static/a.txt", "/static/a.txt"},
      {"/%73tatic/a.txt", "/static/a.txt"},
      {"//static//a.txt", "/static/a.txt"},
      {"/./static/./a.txt", "/static/a.txt"},
      {"/x/../static/a.txt", "/static/a.txt"},
      {"/x/%2e%2E/a.txt", "/a.txt"},
      {"/deep%2Fb.css", "/deep/b.css"},
      {"/a b%20c", "/a b c"},
      {"/%2561", "/%61"},
      {"/", "/"},
      {"/deep/", "/deep/"},
      {"/deep/.", "/deep/"},
      {"/deep/x/..", "/deep/"},
      {"/x/..", "/"},
      {"/...", "/..."},
      {"/.git/config", "/.git/config"},
      {"", ""},
      {"a.txt", ""},
      {"/..", ""},
      {"/../a.txt", ""},
      {"/deep/../../a.txt", ""},
      {"/a.txt%00.png", ""},
      {"/%2e%2e%2fa.txt", ""},
  };
  for (const auto& [path, normal] : rows) {
    INFO(path);
    CHECK(normal_path(path) == normal);
    if (!has_other_spellings(path) && *path == '/') CHECK(normal_path(path) == path);
  }
  CHECK_FALSE(has_other_spellings("/static/app.min.js"));
}

TEST_CASE("no file below a directory begins with a dot or ends with a slash",
          "[http]") {
  const std::pair<const char*, const char*> rows[] = {
      {"/a.txt", "a.txt"},
      {"/deep/b.css", "deep/b.css"},
      {"/a..b", "a..b"},
      {"", ""},
      {"/", ""},
      {"a.txt", ""},
      {"/deep/", ""},
      {"/.git/config", ""},
      {"/deep/.hidden", ""},
      {"/...", ""},
  };
  for (const auto& [path, name] : rows) CHECK(file_name_in(path) == name);
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/site/shell_branches.h"

#include <catch2/catch.hpp>

#include "cli/site/gunicorn_line.h"

using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

GunicornLine line_of(const std::string& text, const Texts& arguments = {}) {
  Texts words{"sh", "-c", text, "/srv/shop/bin/start.sh"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return find_gunicorn(words);
}

}  // namespace

TEST_CASE("what another arm of a condition sets is not there", "[shell_branches]") {
  const char* const arms =
      "case $1 in\n dev) export DEBUG=1 MODE=dev; exec python manage.py runserver;;\n"
      " web) export MODE=live; exec gunicorn a:b;;\nesac\n";
  CHECK(line_of(arms).environment == Variables{{"MODE", "live"}});
  const char* const function =
      "web() {\n N=${N:-4}\n exec gunicorn -w $N a:b\n}\n"
      "case $1 in\n web) web;;\n dev) export DEBUG=1; flask run;;\nesac\n";
  CHECK(line_of(function).environment.empty());
  CHECK(line_of(function).flags == Texts{"-w", "4", "a:b"});
  CHECK(line_of("if [ $X ]; then export A=1; else export A=2 B=1; gunicorn a; fi")
            .environment == Variables{{"A", "2"}, {"B", "1"}});
  CHECK(line_of("export A=1\nif [ $X ]; then export A=2; else gunicorn a; fi")
            .environment == Variables{{"A", "1"}});
}

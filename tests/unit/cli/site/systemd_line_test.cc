// SPDX-License-Identifier: Apache-2.0
#include "cli/site/systemd_line.h"

#include <catch2/catch.hpp>

using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

Texts words(std::string_view line, const Variables& variables = {},
            const std::string& unit = "site.service") {
  return read_exec_line(line, {unit, ""}, variables).words;
}

}  // namespace

TEST_CASE("a line of ExecStart is what the program sees", "[systemd_line]") {
  CHECK(words("g \"%%(m)s %%(U)s\" a:b") == Texts{"g", "%(m)s %(U)s", "a:b"});
  CHECK(words("-@/usr/bin/g shown -w 2") == Texts{"/usr/bin/g", "-w", "2"});
  CHECK(words("!!g a") == Texts{"g", "a"});
  CHECK(words("g 'a b' c\\ d") == Texts{"g", "a b", "c d"});
  CHECK(words("").empty());
}

TEST_CASE("variables are replaced as systemd replaces them", "[systemd_line]") {
  const Variables variables{{"WORKERS", "4"}, {"PORT", "80"}, {"OPTS", "-a 'b c'"}};
  CHECK(words("g -w ${WORKERS} -b :${PORT} $OPTS x", variables) ==
        Texts{"g", "-w", "4", "-b", ":80", "-a", "b c", "x"});
  CHECK(words("g \"${OPTS}\" $$HOME a$PORT", variables) ==
        Texts{"g", "-a 'b c'", "$HOME", "a$PORT"});
  CHECK(words(":g ${PORT}", variables) == Texts{"g", "${PORT}"});
  const ExecLine line = read_exec_line("g $EXTRA ${NONE} a:b", {}, variables);
  CHECK(line.words == Texts{"g", "${EXTRA}", "${NONE}", "a:b"});
  CHECK(line.unknown == Texts{"$EXTRA", "$NONE"});
}

TEST_CASE("specifiers are those of the unit", "[systemd_line]") {
  CHECK(words("g %n %N %p %t/x %S %h", {}, "site.service") ==
        Texts{"g", "site.service", "site", "site", "/run/x", "/var/lib", "/root"});
  CHECK(words("g %i %I %p %N", {}, "site@a-b\\x2dc.service") ==
        Texts{"g", "a-b\\x2dc", "a/b-c", "site", "site@a-b\\x2dc"});
  const ExecLine line = read_exec_line("g %i %m", {"site@.service", ""}, {});
  CHECK(line.words == Texts{"g", "%i", "%m"});
  CHECK(line.unknown == Texts{"%i", "%m"});
}

TEST_CASE("files of variables are read, and win", "[systemd_line]") {
  Variables variables;
  add_environment("\"A=1 2\" B=%p", {"site.service", ""}, variables);
  CHECK(variables == Variables{{"A", "1 2"}, {"B", "site"}});
  add_environment_file(
      "# ours\n; too\nA = 3\r\nC=\"x y\"\nD='%p'\n\nE=a \"b\"\nno\nF=\n", variables);
  CHECK(variables == Variables{{"A", "3"},
                               {"B", "site"},
                               {"C", "x y"},
                               {"D", "%p"},
                               {"E", "a \"b\""},
                               {"F", ""}});
}

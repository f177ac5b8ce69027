// SPDX-License-Identifier: Apache-2.0
#include "cli/site/gunicorn_line.h"

#include <catch2/catch.hpp>

#include "cli/flags/shell_words.h"
#include "cli/site/shell_text.h"

using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

GunicornLine find(const std::string& line) {
  return find_gunicorn(shell_words(line).value());
}

}  // namespace

TEST_CASE("Gunicorn is recognised however it is started", "[gunicorn_line]") {
  for (const char* start : {"gunicorn",
                            "/usr/bin/gunicorn3",
                            "gunicorn-3.11",
                            "env gunicorn",
                            "/usr/bin/env A=b gunicorn",
                            "poetry run gunicorn",
                            "uv run --no-dev gunicorn",
                            "mise exec -- pipenv run gunicorn",
                            "ddtrace-run gunicorn",
                            "newrelic-admin run-program gunicorn",
                            "opentelemetry-instrument gunicorn",
                            "python -m gunicorn",
                            "/srv/.venv/bin/python3.11 -u -m gunicorn",
                            "poetry run python -m gunicorn",
                            "python -m gunicorn.app.wsgiapp",
                            "python /srv/bin/gunicorn",
                            "exec gunicorn",
                            "A=1 gunicorn",
                            "dotenv run -- gunicorn",
                            "python -X dev -m gunicorn"}) {
    INFO(start);
    const GunicornLine line = find(std::string{start} + " -w 3 a:b");
    REQUIRE(line);
    CHECK(line.flags == Texts{"-w", "3", "a:b"});
  }
  for (const char* other :
       {"", "python manage.py runserver", "cat gunicorn.conf.py", "true gunicornd"}) {
    INFO(other);
    CHECK_FALSE(find(other));
  }
}

TEST_CASE("a shell that starts it says where, and with which interpreter",
          "[gunicorn_line]") {
  const GunicornLine line = find(
      "/bin/bash -lc 'cd /srv/site && source env/bin/activate && A=1 exec gunicorn "
      "-w 3 a:b; true'");
  REQUIRE(line);
  CHECK(line.directory == "/srv/site");
  CHECK(line.python == "/srv/site/env/bin/python");
  CHECK(line.environment == Variables{{"A", "1"}});
  CHECK(line.flags == Texts{"-w", "3", "a:b"});
  CHECK(find("sh -c 'set -e; flask db upgrade; gunicorn a:b'").told ==
        Texts{"flask db upgrade: is run before Gunicorn: ExecStartPre= of the unit"});
  CHECK(find("sh -c '/opt/x/bin/python -m gunicorn a:b'").python ==
        "/opt/x/bin/python");
}

TEST_CASE("a script names its interpreter in its first lines", "[gunicorn_line]") {
  CHECK(interpreter_in("#!/opt/x/bin/python3.11\nimport") == "/opt/x/bin/python3.11");
  CHECK(interpreter_in("#!/usr/bin/env python3\n") == "python3");
  CHECK(interpreter_in("#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n' '''\n") ==
        "/a b/python");
  CHECK(interpreter_in("#!/bin/sh\necho\n").empty());
  CHECK(interpreter_in("\x7f"
                       "ELF")
            .empty());
}

TEST_CASE("who changes the user is told: without it the site would be root's",
          "[gunicorn_line]") {
  const Texts su = find("/bin/su www -s /bin/sh -c 'exec gunicorn a:b'").told;
  REQUIRE(su.size() == 1);
  CHECK(su[0] ==
        "/bin/su www -s /bin/sh: is left out; name its user, as User= of the unit or as "
        "`user:`");
  CHECK(find("runuser -u www -c 'gunicorn a:b'").told.size() == 1);
  CHECK(find("sh -c 'exec gunicorn a:b'").told.empty());
}

TEST_CASE("what measures stays before monodon, what selects is told",
          "[gunicorn_line]") {
  CHECK(judge_wrapper(find("gunicorn a:b")).told.empty());
  CHECK(judge_wrapper(find("env A=b gunicorn a:b")).told.empty());
  const Wrapper poetry = judge_wrapper(find("/usr/bin/poetry run gunicorn a:b"));
  CHECK(poetry.kept.empty());
  CHECK(poetry.told.starts_with("/usr/bin/poetry run: is left out, and with it the "));
  const Wrapper both =
      judge_wrapper(find("uv run newrelic-admin run-program gunicorn a"));
  CHECK(both.kept == Texts{"newrelic-admin", "run-program"});
  CHECK(both.told.starts_with("uv run: "));
}

TEST_CASE("a text for a shell is read without being run", "[gunicorn_line]") {
  const auto commands = [](std::string_view text) {
    return read_shell_text(text).commands;
  };
  CHECK(commands("a 'b c' \"d $E\" \\\n f # g\nh;i&&j|k &") ==
        std::vector<Texts>{{"a", "b c", "d $E", "f"}, {"h"}, {"i"}, {"j"}, {"k"}});
  CHECK(commands("A='x y'; f $A \"$A\" ${A} ${B:-z} ${C} $(d \"e\") `f g`") ==
        std::vector<Texts>{
            {"f", "x", "y", "x y", "x", "y", "z", "${C}", "$(d \"e\")", "`f g`"}});
  CHECK(commands("if [ $1 = web ]; then a; else b; fi") ==
        std::vector<Texts>{{"[", "$1", "=", "web", "]"}, {"a"}, {"b"}});
  CHECK(commands("a > b 2>&1; c 2> d e; f &> g; h < i") ==
        std::vector<Texts>{{"a"}, {"c", "e"}, {"f"}, {"h"}});
  CHECK(read_shell_text("A=1 B=2\nexport C=3 A D").exported ==
        Variables{{"A", "1"}, {"C", "3"}});
  CHECK_FALSE(read_shell_text("a < b").redirects);
  CHECK(read_shell_text("a >> b").redirects);
  // What is not closed ends with the text.
  for (const char* open :
       {"a 'b", "a \"b", "a $(b", "a `b", "a ${b", "a \\", "a >", "$"})
    CHECK(commands(open).size() == 1);
}

TEST_CASE("commands under a condition of a script are known as such",
          "[gunicorn_line]") {
  const ShellText shell = read_shell_text(
      "a\nif b; then c; fi\nfor x in 1 2; do d; done\n"
      "case \"$1\" in\n  web|server) e ;;\n  *) f; g ;;\nesac\n"
      "start() {\n  h\n}\nfunction stop { i; }\n[ -f j ] && k\nl || m\ncd n && o\np\n");
  std::string sure;
  std::string doubtful;
  for (std::size_t i = 0; i < shell.commands.size(); ++i)
    (shell.conditional[i] ? doubtful : sure) += shell.commands[i][0];
  CHECK(sure == "a[lcdop");
  CHECK(doubtful == "bcdefghikm");
}

TEST_CASE("of several Gunicorns in a script the one is read that runs in any case",
          "[gunicorn_line]") {
  const auto in_script = [](const std::string& text) {
    return find_gunicorn({"sh", "-c", text});
  };
  const GunicornLine both = in_script(
      "if [ \"$DEV\" ]; then\n  export S=dev\n  exec gunicorn --reload a:b\nelse\n"
      "  export S=prod\n  python manage.py migrate\n  exec gunicorn -w 4 a:b\nfi\n");
  CHECK(both.flags == Texts{"-w", "4", "a:b"});
  CHECK(both.told.at(0).find("others are \"exec gunicorn --reload a:b\"") !=
        std::string::npos);
  CHECK(both.told.at(1).find("migrate: is run before Gunicorn by a condition") !=
        std::string::npos);
  CHECK(both.told.at(2) == "S: a condition of the script sets it; here it is \"prod\"");
  CHECK(
      in_script("[ \"$DEV\" ] && exec gunicorn --reload a:b\nexec gunicorn -w 4 a:b\n")
          .flags == Texts{"-w", "4", "a:b"});
  CHECK(
      in_script("case $1 in worker) celery ;; web) exec gunicorn a:b ;; esac").flags ==
      Texts{"a:b"});
}

TEST_CASE("the arguments of a script are those that are given, or none",
          "[gunicorn_line]") {
  const auto commands = [](std::string_view text, const Texts& arguments = {}) {
    return read_shell_text(text, {}, arguments).commands;
  };
  for (const char* all : {"$@", "$*", "\"$@\"", "\"${@}\"", "${*}", "${1+\"$@\"}"}) {
    INFO(all);
    CHECK(commands(std::string{"a b "} + all) == std::vector<Texts>{{"a", "b"}});
    CHECK(commands(std::string{"a "} + all + " b", {"-w", "5"}) ==
          std::vector<Texts>{{"a", "-w", "5", "b"}});
  }
  CHECK(commands("a \"$@\" \"\" \"x$@\"") == std::vector<Texts>{{"a", "", "x"}});
  CHECK(commands("a \"$@\" $@", {"b c"}) == std::vector<Texts>{{"a", "b c", "b", "c"}});
  CHECK(commands("a \"$*\" \"x$@y\"", {"b", "c"}) ==
        std::vector<Texts>{{"a", "b c", "xb", "cy"}});
  CHECK(commands("a $1 \"${2:-d}\" $3 \"${@:2}\"", {"b", "c"}) ==
        std::vector<Texts>{{"a", "b", "c", "$3", "c"}});
  CHECK(commands("a ${@:-b c}") == std::vector<Texts>{{"a", "b", "c"}});
  CHECK(commands("shift; a $@; set -- x; a \"$@\"", {"b", "c"}) ==
        std::vector<Texts>{{"shift"}, {"a", "c"}, {"set", "--", "x"}, {"a", "x"}});
  CHECK(read_shell_text("a $@").no_arguments);
  CHECK_FALSE(read_shell_text("a $@", {}, {"b"}).no_arguments);
  CHECK(find("sh -c 'exec gunicorn a:b \"$@\"' sh -w 5").flags ==
        Texts{"a:b", "-w", "5"});
}

TEST_CASE("a relative interpreter is one of the directory that is current then",
          "[gunicorn_line]") {
  const auto python = [](const std::string& text) {
    return find_gunicorn({"sh", "-c", text}).python;
  };
  CHECK(python("cd /srv; cd app; ./env/bin/python -m gunicorn a:b") ==
        "/srv/app/env/bin/python");
  CHECK(python("cd /srv; . env/bin/activate; cd app; gunicorn a:b") ==
        "/srv/env/bin/python");
  CHECK(python(". env/bin/activate; gunicorn a:b") == "env/bin/python");
}

TEST_CASE("arrays of bash are the words that they hold", "[gunicorn_line]") {
  const auto flags = [](const std::string& text) {
    return find_gunicorn({"bash", "-c", text});
  };
  const GunicornLine line = flags(
      "ARGS=(--bind 'x y'  # where\n  -w 3\n)\nARGS+=(--reload)\n"
      "[ \"$D\" ] && ARGS+=(--debug)\ndeclare -a NONE=()\n"
      "exec gunicorn \"${ARGS[@]}\" \"${NONE[@]}\" \"${OTHER[@]}\" a:b\n");
  CHECK(line.flags ==
        Texts{"--bind", "x y", "-w", "3", "--reload", "${OTHER[@]}", "a:b"});
  CHECK(line.told == Texts{"ARGS: a condition of the script sets it; here it is "
                           "\"--bind x y -w 3 --reload\""});
  CHECK(flags("A=(gunicorn -w 2)\nexec \"${A[@]}\" a:b").flags ==
        Texts{"-w", "2", "a:b"});
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/site/shell_text.h"

#include <catch2/catch.hpp>

#include "cli/site/gunicorn_line.h"

using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

Texts last_command(std::string_view text, const Texts& arguments = {}) {
  const ShellText read = read_shell_text(text, {}, arguments, "/srv/shop/bin/start.sh");
  return read.commands.empty() ? Texts{} : read.commands.back();
}

GunicornLine started_by(const std::string& text, const Texts& arguments = {}) {
  Texts words{"sh", "-c", text, "/srv/shop/bin/start.sh"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return find_gunicorn(words);
}

}  // namespace

TEST_CASE("a default may be a variable or have quotes", "[shell_text]") {
  CHECK(last_command("H='-'\na \"${LOG:-$H}\" ${B:-\"x y\"} ${C:-${D:-z}} ${E:-$F}") ==
        Texts{"a", "-", "x", "y", "z", "$F"});
}

TEST_CASE("arguments that a condition sets are those that the script goes on with",
          "[shell_text]") {
  const char* const empty =
      "if [ -z \"$1\" ]; then set -- gunicorn -w 3; fi\nexec \"$@\" a:b";
  CHECK(started_by(empty).flags == Texts{"-w", "3", "a:b"});
  CHECK(started_by(empty, {"gunicorn", "-w", "5"}).flags == Texts{"-w", "5", "a:b"});
  const char* const more =
      "[ $# -eq 0 ] && set -- gunicorn\n"
      "if [ \"$1\" = gunicorn ]; then set -- \"$@\" -w 2 a:b; fi\nexec \"$@\"";
  CHECK(started_by(more).flags == Texts{"-w", "2", "a:b"});
  CHECK(started_by(more).told.empty());
  CHECK(started_by(more, {"gunicorn", "--preload"}).flags ==
        Texts{"--preload", "-w", "2", "a:b"});
  CHECK(started_by(
            "if [ \"${1#-}\" != \"$1\" ]; then set -- gunicorn \"$@\"; fi\nexec \"$@\"",
            {"-w", "4", "a:b"})
            .flags == Texts{"-w", "4", "a:b"});
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/site/shell_output.h"

#include <catch2/catch.hpp>

#include "cli/site/gunicorn_line.h"
#include "cli/site/shell_text.h"

using namespace monodon::cli;

namespace {

using Texts = std::vector<std::string>;

Texts last_of(std::string_view text, const Texts& arguments = {}) {
  const ShellText read = read_shell_text(text, {}, arguments, "/srv/shop/bin/start.sh");
  return read.commands.empty() ? Texts{} : read.commands.back();
}

GunicornLine found_in(const std::string& text, const Texts& arguments = {}) {
  Texts words{"sh", "-c", text, "/srv/shop/bin/start.sh"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return find_gunicorn(words);
}

}  // namespace

TEST_CASE("a script knows the directory that it is in", "[shell_output]") {
  for (const char* directory :
       {"$(dirname \"$0\")", "`dirname $0`", "${0%/*}", "$(dirname -- \"$0\")",
        "$(cd \"$(dirname \"$0\")\" && pwd)", "$(dirname \"$(readlink -f \"$0\")\")",
        "$(dirname \"${BASH_SOURCE[0]}\")", "$(dirname $BASH_SOURCE)",
        "$( cd -- \"$( dirname -- \"${BASH_SOURCE[0]:-$0}\" )\" &> /dev/null && pwd -P "
        ")"}) {
    INFO(directory);
    CHECK(last_of(std::string{"a \""} + directory + "/x\"") ==
          Texts{"a", "/srv/shop/bin/x"});
    CHECK(last_of(std::string{"D="} + directory + "\na $D") ==
          Texts{"a", "/srv/shop/bin"});
  }
  CHECK(
      found_in("cd \"$(dirname \"$0\")/..\"\n. venv/bin/activate\ngunicorn a").python ==
      "/srv/shop/bin/../venv/bin/python");
  CHECK(last_of("a $(date +%F) \"$(cd x && ls)\"") ==
        Texts{"a", "$(date +%F)", "$(cd x && ls)"});
}

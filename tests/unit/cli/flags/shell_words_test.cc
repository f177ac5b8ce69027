// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/shell_words.h"

#include <catch2/catch.hpp>

using monodon::cli::shell_words;

namespace {
using Texts = std::vector<std::string>;
}

TEST_CASE("words are split as a shell splits them", "[shell_words]") {
  CHECK(shell_words("").value().empty());
  CHECK(shell_words("  a  b\tc\n").value() == Texts{"a", "b", "c"});
  CHECK(shell_words("'a b' \"c d\"e f\\ g").value() == Texts{"a b", "c de", "f g"});
  CHECK(shell_words("'' \"\"").value() == Texts{"", ""});
  CHECK(shell_words("\"a\\\"b\\\\c\\d\" '\\'").value() == Texts{"a\"b\\c\\d", "\\"});
  CHECK_FALSE(shell_words("'a"));
  CHECK_FALSE(shell_words("a\\"));
}

// SPDX-License-Identifier: Apache-2.0
#include "base/text/mdoc.h"

#include <catch2/catch.hpp>

using monodon::mdoc_lines;

TEST_CASE("a sentence is a line, and a long one is several", "[mdoc]") {
  CHECK(mdoc_lines("One. Two or more; three") == "One.\nTwo or more; three\n");
  const std::string word(40, 'x');
  CHECK(mdoc_lines(word + " " + word) == word + "\n" + word + "\n");
  CHECK(mdoc_lines("").empty());
}

TEST_CASE("no text of ours becomes a request or an escape", "[mdoc]") {
  CHECK(mdoc_lines(".Sh") == "\\&.Sh\n");
  CHECK(mdoc_lines("'x") == "\\&'x\n");
  CHECK(mdoc_lines("a\\b --c") == "a\\eb \\-\\-c\n");
}

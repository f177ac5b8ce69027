// SPDX-License-Identifier: Apache-2.0
#include "base/text/text.h"

#include <catch2/catch.hpp>

using namespace monodon;

TEST_CASE("the last line of a text is the last that holds something", "[text]") {
  CHECK(last_line("a\nb\n\n") == "b");
  CHECK(last_line("a") == "a");
  CHECK(last_line("\n") == "");
  CHECK(first_line("a\nb") == "a");
  CHECK(first_line("a") == "a");
  CHECK(without_final_newlines("a\nb\n\n") == "a\nb");
}

TEST_CASE("what a traceback says is the exception at its end, with all its lines",
          "[text]") {
  const std::string frame =
      "  File \"wsgi.py\", line 1, in <module>\n    import vault\n";
  const std::string head = "Traceback (most recent call last):\n";
  CHECK(exception_of(head + frame + "ImportError: no vault\nask the keeper\n") ==
        "ImportError: no vault\nask the keeper");
  CHECK(exception_of(head + frame +
                     "KeyError: 1\n\nDuring handling of the above "
                     "exception, another exception occurred:\n\n" +
                     head + frame + "ValueError: 2") == "ValueError: 2");
  CHECK(exception_of("GET / answered 500\n  and more\n") ==
        "GET / answered 500\n  and more");
  CHECK(exception_of(head + frame) == "    import vault");
  CHECK(exception_of("") == "");
}

TEST_CASE("lines that are quoted stay lines, and look like nobody else's", "[text]") {
  std::string to = "said: ";
  append_printable_lines(to, "one\r\ntwo\x1b[0m\n\n", "  ");
  CHECK(to == "said: one\\x0d\n  two\\x1b[0m");
}

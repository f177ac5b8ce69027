// SPDX-License-Identifier: Apache-2.0
#include "worker/websocket/utf8.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "base/text/escape.h"

using monodon::websocket::Utf8Check;

namespace {

bool is_text(std::string_view text) {
  Utf8Check check;
  return check.take(text) && check.at_boundary();
}

// As one whole, by the function that the log uses.
bool is_text_elsewhere(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = monodon::utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

TEST_CASE("every two bytes, and every beginning of three, are judged as elsewhere") {
  for (unsigned a = 0; a < 256; ++a)
    for (unsigned b = 0; b < 256; ++b)
      for (const std::string_view rest :
           {"", "\x80", "\xbf", "\x80\x80", "\xbf\xbf", "a"}) {
        std::string text{static_cast<char>(a), static_cast<char>(b)};
        text += rest;
        INFO(a << " " << b << " and " << rest.size());
        if (is_text(text) != is_text_elsewhere(text)) FAIL("another judgement");
      }
}

TEST_CASE("text may be split anywhere, and ends between two characters only") {
  const std::string text =
      "ascii of some length, \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3 and \xed\x9f\xbf";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    Utf8Check check;
    CHECK(check.take(std::string_view{text}.substr(0, i)));
    CHECK(check.at_boundary() ==
          is_text_elsewhere(std::string_view{text}.substr(0, i)));
    CHECK(check.take(std::string_view{text}.substr(i)));
    CHECK(check.at_boundary());
  }
}

TEST_CASE("what cannot become text is told at its first byte, and for ever") {
  for (const std::string_view bad :
       {"\xed\xa0", "\xe0\x9f", "\xf0\x8f", "\xf4\x90", "\xc0", "\xc1", "\xf5", "\xff",
        "\x80", "\xce\x41"}) {
    Utf8Check check;
    CHECK(check.take("enough to be read in words of eight"));
    CHECK(check.take(bad.substr(0, bad.size() - 1)));
    CHECK_FALSE(check.take(bad.substr(bad.size() - 1)));
    CHECK_FALSE(check.take("a"));
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "base/text/escape.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace monodon;

namespace {

std::string escaped(std::string_view text) {
  std::string to;
  append_escaped(to, text);
  return to;
}
std::string word(std::string_view text) {
  std::string to;
  append_word(to, text);
  return to;
}
std::string printable(std::string_view text) {
  std::string to;
  append_printable(to, text);
  return to;
}
std::string json(std::string_view text) {
  std::string to;
  append_json(to, text);
  return to;
}

}  // namespace

TEST_CASE("escaped text has no quote, control or byte outside ASCII", "[escape]") {
  CHECK(escaped("plain text/1") == "plain text/1");
  CHECK(escaped("a\"b\\c") == "a\\\"b\\\\c");
  CHECK(escaped("a\r\nb\t\x1b[0m\x7f") == "a\\x0d\\x0ab\\x09\\x1b[0m\\x7f");
  CHECK(escaped("\xc3\xa9\xff") == "\\xc3\\xa9\\xff");
  CHECK(escaped({"\0x", 2}) == "\\x00x");
  CHECK(escaped("") == "");
}

TEST_CASE("a word has no space either", "[escape]") {
  CHECK(word("a b \"c\"") == "a\\x20b\\x20\\\"c\\\"");
}

TEST_CASE("printable text keeps UTF-8 that does not deceive", "[escape]") {
  CHECK(printable("say \"h\xc3\xa9llo\" \\ \xf0\x9f\xa6\x84") ==
        "say \"h\xc3\xa9llo\" \\ \xf0\x9f\xa6\x84");
  CHECK(printable("\n") == "\\x0a");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");             // C1: CSI
  CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  CHECK(printable("\xe2\x81\xa6") == "\\xe2\\x81\\xa6");  // isolate
  CHECK(printable("\xe2\x80\x9c") == "\xe2\x80\x9c");     // a quotation mark
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
}

TEST_CASE("only shortest UTF-8 within Unicode is taken for UTF-8", "[escape]") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xc3\xa9") == 2);
  CHECK(utf8_length("\xe2\x82\xac") == 3);
  CHECK(utf8_length("\xf4\x8f\xbf\xbf") == 4);
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf",
                           "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    CAPTURE(text);
    CHECK(utf8_length(text) == 0);
  }
  CHECK(utf8_length("") == 0);
}

TEST_CASE("a JSON string is read back by another implementation", "[escape]") {
  for (const std::string text :
       {"plain", "a\"b\\c/", "line\nline\r\t", "\x01\x1f\x7f", "h\xc3\xa9"}) {
    CAPTURE(text);
    CHECK(nlohmann::json::parse(json(text)).get<std::string>() == text);
  }
  CHECK(json("\xff\xc3") == "\"\\\\xff\\\\xc3\"");
}

TEST_CASE("random bytes never leave the grammar", "[escape][fuzz]") {
  std::mt19937 random{11};
  bool fine = true;
  for (int i = 0; i < 2000; ++i) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    for (const char c : escaped(text) + printable(text))
      fine = fine && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    fine = fine && word(text).find(' ') == std::string::npos;
    fine = fine && nlohmann::json::accept(json(text));
  }
  CHECK(fine);
}

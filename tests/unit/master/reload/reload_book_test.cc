// SPDX-License-Identifier: Apache-2.0
#include "master/reload/reload_book.h"

#include <catch2/catch.hpp>
#include <string>

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;

TEST_CASE("a reload is told while it goes, and how it ended afterwards",
          "[reload-book]") {
  ReloadBook book;
  CHECK(book.story() == metrics::ReloadStory{});
  book.begin();
  const auto before = book.revision();
  book.step("importing", 3, "generation 3: a:b");
  CHECK(book.revision() > before);
  CHECK(book.story().step == "importing");
  CHECK(book.story().generation == 3);
  CHECK(book.story().began_unix > 1.5e9);
  book.end("refused", 3, "Traceback\nImportError: no", 1500ms);
  CHECK(book.story().step.empty());
  CHECK(book.story().last_outcome == "refused");
  CHECK(book.story().last_generation == 3);
  CHECK(book.story().last_took == Approx(1.5));
  CHECK(book.story().last_reason == "Traceback\nImportError: no");
  book.begin();
  book.step("importing", 4, "");
  CHECK(book.story().last_outcome == "refused");  // until the next one has ended
}

TEST_CASE("the first start is no reload", "[reload-book]") {
  ReloadBook book;
  book.begin();
  book.step("importing", 1, "");
  book.started();
  CHECK(book.story().step.empty());
  CHECK(book.story().last_outcome.empty());
}

TEST_CASE("code that cannot be kept is told although another reload is under way",
          "[reload-book]") {
  ReloadBook book;
  book.end("committed", 2, {}, 1s);
  book.end("refused", 3, "SyntaxError", 7s);
  book.begin();
  book.step("importing", 4, "");
  book.fell_back(2, "three workers died");
  CHECK(book.story().step == "importing");
  CHECK(book.story().last_outcome == "fell_back");
  CHECK(book.story().last_took == Approx(1));  // that of what fell back
  book.end({}, 0, {}, 2s);                     // the old code is back
  CHECK(book.story().step.empty());
  CHECK(book.story().last_outcome == "fell_back");
}

TEST_CASE("of what an application prints the end is kept, whatever bytes it has",
          "[reload-book]") {
  ReloadBook book;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + " \xff\x1b\n";
  book.end("refused", 2, text + "ImportError: no", 1s);
  const std::string& kept = book.story().last_reason;
  CHECK(kept.size() <= metrics::ReloadStory::kLongestReason);
  CHECK(kept.size() > 1000);
  CHECK(kept.starts_with("...\nline "));
  CHECK(kept.ends_with("\\xff\\x1b\nImportError: no"));
  book.end("refused", 2, std::string(100'000, '\xff'), 1s);
  CHECK(book.story().last_reason.size() <= metrics::ReloadStory::kLongestReason);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/log/journal.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/support/cpp/fake_journal.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using monodon::testing::FakeJournal;
using monodon::testing::Pipe;
using monodon::testing::Scratch;

namespace {

Journal open_journal(const std::string& path) {
  auto journal = Journal::open(path);
  REQUIRE(journal);
  return std::move(journal).value();
}

std::string field(std::string_view name, std::string_view value) {
  std::string entry;
  Journal::append_field(entry, name, value);
  return entry;
}

}  // namespace

TEST_CASE("a field of one line is text, one of several has its length", "[journal]") {
  CHECK(field("MESSAGE", "hello=1") == "MESSAGE=hello=1\n");
  CHECK(field("MESSAGE", "") == "MESSAGE=\n");
  CHECK(field("MESSAGE", "a\nb") ==
        std::string{"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n", 20});
}

TEST_CASE("a field's name is one that the journal takes", "[journal]") {
  CHECK(field("request_id", "x") == "REQUEST_ID=x\n");
  CHECK(field("a-b.c", "x") == "A_B_C=x\n");
  CHECK(field("_pid", "x") == "PID=x\n");  // the underscore is journald's own
  CHECK(field("1st", "x") == "ST=x\n");
  CHECK(field("__", "x").empty());
  CHECK(field(std::string(100, 'k'), "x") == std::string(64, 'K') + "=x\n");
}

TEST_CASE("an entry arrives as one datagram", "[journal]") {
  const Scratch scratch;
  const FakeJournal server{scratch / "journal"};
  Journal journal = open_journal(scratch / "journal");
  journal.send(field("MESSAGE", "hello") + field("PRIORITY", "6"));
  const auto entry = server.receive();
  CHECK(entry.at("MESSAGE") == "hello");
  CHECK(entry.at("PRIORITY") == "6");
  CHECK(journal.dropped() == 0);
}

TEST_CASE("an entry that is too large for a datagram arrives as sealed memory",
          "[journal]") {
  const Scratch scratch;
  const FakeJournal server{scratch / "journal"};
  Journal journal = open_journal(scratch / "journal");
  const std::string large = "first\n" + std::string(2'000'000, 'x');
  journal.send(field("MESSAGE", large));
  bool sealed = false;
  const auto entry = server.receive(&sealed);
  CHECK(sealed);
  CHECK(entry.at("MESSAGE") == large);
  CHECK(journal.dropped() == 0);
}

TEST_CASE("a journal that does not read never blocks, and the loss is counted",
          "[journal]") {
  const Scratch scratch;
  const FakeJournal server{scratch / "journal"};
  Journal journal = open_journal(scratch / "journal");
  for (int i = 0; i < 5000; ++i) journal.send(field("MESSAGE", std::string(500, 'x')));
  CHECK(journal.dropped() > 0);
  CHECK(journal.dropped() < 5000);
}

TEST_CASE("a journal that is not there is a loss until it is back", "[journal]") {
  const Scratch scratch;
  Journal journal = open_journal(scratch / "journal");
  journal.send(field("MESSAGE", "lost"));
  CHECK(journal.dropped() == 1);
  {
    const FakeJournal first{scratch / "journal"};
    journal.send(field("MESSAGE", "seen"));
    CHECK(first.receive().at("MESSAGE") == "seen");
  }
  std::filesystem::remove(scratch / "journal");
  const FakeJournal second{scratch / "journal"};
  journal.send(field("MESSAGE", "seen too"));
  CHECK(second.receive().at("MESSAGE") == "seen too");
  CHECK(journal.dropped() == 1);
}

TEST_CASE("only the very stream that JOURNAL_STREAM names is the journal's",
          "[journal]") {
  const Pipe pipe;
  struct stat about {};
  REQUIRE(::fstat(pipe.write.get(), &about) == 0);
  const std::string own =
      std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
  ::setenv("JOURNAL_STREAM", own.c_str(), 1);
  CHECK(is_journal_stream(pipe.write.get()));
  CHECK_FALSE(is_journal_stream(STDERR_FILENO));
  for (const char* text : {"", ":", "1:2", "x:y", "8:"}) {
    CAPTURE(text);
    ::setenv("JOURNAL_STREAM", text, 1);
    CHECK_FALSE(is_journal_stream(pipe.write.get()));
  }
  ::unsetenv("JOURNAL_STREAM");
  CHECK_FALSE(is_journal_stream(pipe.write.get()));
}

// SPDX-License-Identifier: Apache-2.0
#include "base/log/log.h"

#include <sys/wait.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>
#include <vector>

#include "tests/support/cpp/fake_journal.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using monodon::testing::FakeJournal;
using monodon::testing::Scratch;

namespace {

// The log of this process goes to a file for the length of a test.
struct Captured {
  explicit Captured(const std::string& format, const std::string& level = "info") {
    REQUIRE(log::open({.path = scratch / "log", .format = format, .level = level}));
  }
  ~Captured() {
    log::set_context({});
    (void)log::open({});
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  [[nodiscard]] std::string text() const { return scratch.read("log"); }
  // The lines without "[time] [pid] ".
  [[nodiscard]] std::string bare() const {
    static const std::regex prefix{R"((^|\n)\[[-+: 0-9]{25}\] \[\d+\] )"};
    return std::regex_replace(text(), prefix, "$1");
  }
  [[nodiscard]] std::vector<nlohmann::json> objects() const {
    std::vector<nlohmann::json> all;
    const std::string lines = text();
    std::size_t from = 0;
    for (std::size_t end = lines.find('\n'); end != std::string::npos;
         end = lines.find('\n', from)) {
      all.push_back(nlohmann::json::parse(lines.substr(from, end - from)));
      from = end + 1;
    }
    return all;
  }
  Scratch scratch;
};

}  // namespace

TEST_CASE("a line of text tells time, pid, level, message and fields", "[log]") {
  const Captured log{"text"};
  log::warning("worker ended",
               {{"slot", 3}, {"how", "killed by SIGKILL"}, {"path", "/"}});
  const std::regex whole{
      R"(\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [-+]\d{4}\] \[)" +
      std::to_string(::getpid()) +
      R"(\] \[WARNING\] worker ended slot=3 how="killed by SIGKILL" path=/\n)"};
  CHECK(std::regex_match(log.text(), whole));
}

TEST_CASE("fields of the process stand on every line", "[log]") {
  const Captured log{"text"};
  log::set_context(
      {{std::string{"slot"} /* gone after the call */, 3}, {"generation", 7}});
  log::info("one", {{"a", "b"}});
  log::info("two");
  CHECK(log.bare() ==
        "[INFO] one a=b slot=3 generation=7\n[INFO] two slot=3 generation=7\n");
}

TEST_CASE("what is below the level is not said", "[log]") {
  const Captured log{"text", "warning"};
  CHECK_FALSE(log::enabled(log::Level::info));
  CHECK(log::enabled(log::Level::error));
  log::debug("no");
  log::info("no");
  log::error("yes");
  CHECK(log.bare() == "[ERROR] yes\n");
}

TEST_CASE("nothing in a message or field looks like another entry", "[log]") {
  const Captured log{"text"};
  log::info("bad \x1b[2J\r[fake]",
            {{"path", "/a b\"c\\\x7f"}, {"empty", ""}, {"k", "a=b"}});
  log::error("Traceback\n  File \"x\"\n[2026] [1] [INFO] forged\n", {{"status", 500}});
  log::info("reload refused", {{"reason", "line\n[2026] [1] [INFO] forged"}});
  CHECK(log.bare() ==
        "[INFO] bad \\x1b[2J\\x0d[fake] path=\"/a b\\\"c\\\\\\x7f\" empty=\"\" "
        "k=\"a=b\"\n"
        "[ERROR] Traceback status=500\n"
        "      File \"x\"\n"
        "    [2026] [1] [INFO] forged\n"
        "[INFO] reload refused\n"
        "    reason: line\n"
        "    [2026] [1] [INFO] forged\n");
}

TEST_CASE("an entry in json is one object on one line", "[log]") {
  const Captured log{"json"};
  log::set_context({{"slot", 3}});
  log::error("Traceback\n  \"x\"\n",
             {{"status", 500}, {"id", "500"}, {"raw", "\xff\n"}});
  log::raw("from the application\n");
  const auto objects = log.objects();
  REQUIRE(objects.size() == 2);
  CHECK(objects[0]["level"] == "error");
  CHECK(objects[0]["message"] == "Traceback\n  \"x\"");
  CHECK(objects[0]["status"] == 500);
  CHECK(objects[0]["id"] == "500");
  CHECK(objects[0]["raw"] == "\\xff\n");
  CHECK(objects[0]["slot"] == 3);
  CHECK(objects[0]["pid"] == ::getpid());
  CHECK(std::regex_match(objects[0]["time"].get<std::string>(),
                         std::regex{R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"}));
  CHECK(objects[1]["source"] == "application");
  CHECK(objects[1]["message"] == "from the application");
}

TEST_CASE("text of the application is left as it is", "[log]") {
  const Captured log{"text", "critical"};
  log::raw("any \x1b[1mthing\n");
  CHECK(log.text() == "any \x1b[1mthing\n");
}

TEST_CASE("the journal gets native fields", "[log]") {
  const Scratch scratch;
  const FakeJournal journal{scratch / "journal"};
  REQUIRE(log::open({.format = "journald", .journal_socket = scratch / "journal"}));
  log::set_context({{"generation", 7}});
  log::critical(
      "Traceback\n  x",
      {log::Id::application_error, {"request_id", "abc"}, log::beside({"worker", 3})});
  log::raw("printed\n");
  log::set_context({});
  REQUIRE(log::open({}));
  const auto entry = journal.receive();
  // What journalctl shows is the message alone.
  CHECK(entry.at("MESSAGE") == "Traceback request_id=abc\n  x");
  CHECK(entry.at("PRIORITY") == "2");
  CHECK(entry.at("SYSLOG_IDENTIFIER") == "monodon");
  CHECK(entry.at("REQUEST_ID") == "abc");
  CHECK(entry.at("WORKER") == "3");
  CHECK(entry.at("EVENT") == "application_error");
  CHECK(entry.at("MESSAGE_ID") == log::row_of(log::Id::application_error).message_id);
  CHECK(entry.at("GENERATION") == "7");
  const auto raw = journal.receive();
  CHECK(raw.at("MESSAGE") == "printed");
  CHECK(raw.at("SOURCE") == "application");
}

TEST_CASE("what the words say already is left out of the text only", "[log]") {
  {
    const Captured log{"text"};
    log::info("worker 3 serves", {log::Id::worker_ready, log::beside({"worker", 3})});
    CHECK(log.bare() == "[INFO] worker 3 serves\n");
  }
  const Captured log{"json"};
  log::info("worker 3 serves", {log::Id::worker_ready, log::beside({"worker", 3})});
  const auto objects = log.objects();
  CHECK(objects.at(0)["event"] == "worker_ready");
  CHECK(objects.at(0)["worker"] == 3);
}

TEST_CASE("options that make no sense leave the log as it was", "[log]") {
  const Captured log{"text"};
  CHECK(log::open({.format = "xml"}).error().message() == "no log format 'xml'");
  CHECK(log::open({.level = "loud"}).error().message() == "no log level 'loud'");
  CHECK_FALSE(log::open({.path = "/nonexistent/log"}));
  log::info("still here");
  CHECK(log.bare() == "[INFO] still here\n");
}

TEST_CASE("a log is reopened under its name", "[log]") {
  const Captured log{"text"};
  std::filesystem::rename(log.scratch / "log", log.scratch / "log.1");
  REQUIRE(log::reopen());
  log::info("new");
  CHECK(log.bare() == "[INFO] new\n");
  CHECK(log.scratch.read("log.1").empty());
}

TEST_CASE("lines that were lost are counted", "[log]") {
  REQUIRE(log::open({.path = "/dev/full", .format = "text"}));
  const std::uint64_t before = log::dropped();
  log::info("one");
  log::raw("two\nthree\n");
  CHECK(log::dropped() == before + 3);
  REQUIRE(log::open({}));
}

TEST_CASE("lines of many threads do not mix", "[log]") {
  const Captured log{"text"};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i)
        log::info("thread", {{"text", std::string(100, static_cast<char>('a' + t))}});
    });
  for (std::thread& thread : threads) thread.join();
  const std::regex line{R"(\[INFO\] thread text=(.)\1{99})"};
  const std::string text = log.bare();
  std::size_t lines = 0;
  std::size_t from = 0;
  bool fine = true;
  for (std::size_t end = text.find('\n'); end != std::string::npos;
       end = text.find('\n', from)) {
    fine = fine && std::regex_match(text.substr(from, end - from), line);
    from = end + 1;
    ++lines;
  }
  CHECK(fine);
  CHECK(lines == 2000);
}

TEST_CASE("a child of a process whose threads log can log", "[log]") {
  const Captured log{"text"};
  log::survive_forks();
  std::atomic<bool> done{false};
  std::thread busy{[&] {
    while (!done.load()) log::info("parent");
  }};
  int failures = 0;
  for (int i = 0; i < 50; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(5);  // a lock that is held for ever would hang it
      log::info("child");
      ::_exit(log::dropped() == 0 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (status != 0) ++failures;
  }
  done.store(true);
  busy.join();
  CHECK(failures == 0);
  std::size_t children = 0;
  const std::string text = log.bare();
  for (std::size_t at = text.find("child\n"); at != std::string::npos;
       at = text.find("child\n", at + 1))
    ++children;
  CHECK(children == 50);
}

TEST_CASE("at a terminal only the words are told, and the routine is not", "[log]") {
  const Captured log{"terminal"};
  log::info("worker 0 serves, after 3 ms", {log::Id::worker_ready});
  log::error("generation 2 was refused: SyntaxError\n  File \"a.py\"\n",
             {log::Id::generation_refused});
  log::warning("worker 0 is slow", {log::Id::worker_ready, {"slot", 0}});
  static const std::regex time{R"((^|\n)\d\d:\d\d:\d\d )"};
  CHECK(std::regex_replace(log.text(), time, "$1") ==
        "error: generation 2 was refused: SyntaxError\n  File \"a.py\"\n"
        "warning: worker 0 is slow slot=0\n");
}

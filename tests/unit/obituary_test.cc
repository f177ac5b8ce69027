// SPDX-License-Identifier: Apache-2.0
#include "master/obituary.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "master/chronicle.h"
#include "master/oom_watch.h"

using namespace monodon;
using namespace monodon::master;
using namespace std::chrono_literals;
using scoreboard::Cause;

namespace {

News death_of_serving(Death death) {
  News news;
  news.kind = News::Kind::gone;
  news.slot = 3;
  news.serial = 17;
  news.pid = 4242;
  news.generation = 2;
  news.state = State::serving;
  news.death = death;
  news.age = 90s;
  news.pause = 400ms;
  return news;
}

const std::string kWho = "worker 3 (serial 17, pid 4242, generation 2) ";

}  // namespace

TEST_CASE("a crash names the signal, the request and the next try", "[obituary]") {
  const News gone = death_of_serving({true, true, SIGSEGV});
  CHECK(obituary(gone, {{"GET /boom", "a1", 120ms}}, false) ==
        kWho +
            "was killed by SIGSEGV, core dumped after 90 s while it ran GET /boom "
            "for 120 ms (request a1); next try in 400 ms");
  CHECK(is_unexpected(gone));
  CHECK(cause_of(gone, false) == Cause::signal);
}

TEST_CASE("the OOM killer is told from a SIGKILL of somebody else", "[obituary]") {
  const News gone = death_of_serving({true, false, SIGKILL});
  CHECK(obituary(gone, {}, true) ==
        kWho +
            "was killed by the kernel, which was out of memory (SIGKILL) after "
            "90 s; next try in 400 ms");
  CHECK(obituary(gone, {}, false) ==
        kWho +
            "was killed by SIGKILL, which the master did not send after 90 s; next "
            "try in 400 ms");
  CHECK(cause_of(gone, true) == Cause::out_of_memory);
}

TEST_CASE("an exit status says that the worker left by itself", "[obituary]") {
  const News gone = death_of_serving({false, false, 3});
  CHECK(obituary(gone, {}, false) ==
        kWho + "left by itself with exit status 3 after 90 s; next try in 400 ms");
  CHECK(cause_of(gone, false) == Cause::exit_status);
}

TEST_CASE("our own deadlines are named as such", "[obituary]") {
  News gone = death_of_serving({true, false, SIGKILL});
  gone.pause = {};
  gone.struck_in = State::starting;
  CHECK(obituary(gone, {}, true) ==
        kWho +
            "was killed by the master because it was not ready within boot_timeout "
            "after 90 s");
  CHECK(cause_of(gone, false) == Cause::boot_timeout);
  gone.asked_to_go = true;
  gone.struck_in = State::draining;
  CHECK(obituary(gone, {}, false) ==
        kWho +
            "was killed by the master because it did not leave within "
            "graceful_timeout after 90 s");
  CHECK(cause_of(gone, false) == Cause::graceful_timeout);
  gone.wear = Wear::stuck;
  CHECK(obituary(gone, {}, false) ==
        kWho +
            "was killed by the master because a request ran past request_timeout "
            "after 90 s");
  CHECK(cause_of(gone, false) == Cause::deadline);
}

TEST_CASE("a worker that left as asked is no news to worry about", "[obituary]") {
  News gone = death_of_serving({});
  gone.pause = {};
  gone.asked_to_go = true;
  CHECK(obituary(gone, {}, false) == kWho + "left as asked after 90 s");
  CHECK_FALSE(is_unexpected(gone));
  CHECK(cause_of(gone, false) == Cause::asked);
  gone.retire = static_cast<std::int64_t>(wire::Retire::max_memory);
  CHECK(obituary(gone, {}, false) ==
        kWho + "was replaced because of max_memory after 90 s");
  CHECK(cause_of(gone, false) == Cause::recycled);
}

TEST_CASE("a SIGTERM that hits everybody is no crash of one that is leaving",
          "[obituary]") {
  News gone = death_of_serving({true, false, SIGTERM});
  CHECK(is_unexpected(gone));
  gone.asked_to_go = true;
  gone.pause = {};
  CHECK_FALSE(is_unexpected(gone));
  CHECK(obituary(gone, {}, false) ==
        kWho + "left as asked, killed by SIGTERM after 90 s");
}

TEST_CASE("a stuck worker that left in time is told from one that was killed",
          "[obituary]") {
  News gone = death_of_serving({});
  gone.pause = {};
  gone.asked_to_go = true;
  gone.wear = Wear::stuck;
  CHECK(obituary(gone, {{"GET /hang", "", 1500ms}}, false) ==
        kWho +
            "was replaced because a request ran past request_timeout after 90 s "
            "while it ran GET /hang for 1.5 s");
  CHECK(cause_of(gone, false) == Cause::deadline);
}

TEST_CASE("what a page says cannot forge a line, nor fill it", "[obituary]") {
  const News gone = death_of_serving({true, false, SIGABRT});
  const std::string text =
      obituary(gone, {{"GET /\n[CRITICAL] all is lost\x1b[2J", "", 1ms}}, false);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\\x0a[CRITICAL]") != std::string::npos);
  CHECK(obituary(gone, {{std::string(100'000, 'x'), "", 1ms}}, false).size() < 500);
  const std::vector<LastRequest> many(64, {"GET /", "", 1ms});
  CHECK(obituary(gone, many, false).find("and 60 more") != std::string::npos);
}

TEST_CASE("durations are spelled for people", "[obituary]") {
  CHECK(spell(5ms) == "5 ms");
  CHECK(spell(1500ms) == "1.5 s");
  CHECK(spell(59s) == "59 s");
  CHECK(spell(10min) == "10 min");
  CHECK(spell(26h) == "26 h");
  CHECK(spell(-1s) == "0 ms");
}

TEST_CASE("the OOM watch reports each rise of the counter once", "[obituary]") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("memory.events." + std::to_string(::getpid()));
  const auto write = [&](int kills) {
    std::ofstream{path} << "low 0\nhigh 3\noom 1\noom_kill " << kills << "\n";
  };
  write(2);
  OomWatch watch{path};
  CHECK_FALSE(watch.struck());
  write(3);
  CHECK(watch.struck());
  CHECK_FALSE(watch.struck());
  std::filesystem::remove(path);
  CHECK_FALSE(watch.struck());
  CHECK_FALSE(OomWatch{"/nowhere"}.struck());
}

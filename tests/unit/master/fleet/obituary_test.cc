// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/obituary.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "master/chronicle/chronicle.h"
#include "master/system/oom_watch.h"

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
            "90 s; next try in 400 ms; max_memory would replace it before that");
  News large = death_of_serving({true, false, SIGKILL});
  large.death.peak_bytes = 147ULL << 20U;
  large.death.memory_limit = 160ULL << 20U;
  CHECK(
      obituary(large, {}, true)
          .find("(SIGKILL), at 147 MiB with a limit of 160 MiB for all, after 90 s") !=
      std::string::npos);
  CHECK(obituary(gone, {}, false) ==
        kWho +
            "was killed by SIGKILL (not the master's) after 90 s; next "
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
  CHECK(is_unexpected(gone));
  gone.withdrawn = true;
  CHECK(obituary(gone, {}, false) ==
        kWho +
            "was ended while it started, since its code is not wanted any more "
            "after 90 s");
  CHECK(cause_of(gone, false) == Cause::asked);
  CHECK_FALSE(is_unexpected(gone));
  gone.withdrawn = false;
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

namespace {

// A cgroup of cgroup's own, with a file that counts who was killed in it.
struct Cgroup {
  std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("cgroup." + std::to_string(::getpid()));
  std::string at(const std::string& file, int kills) const {
    const std::filesystem::path path = root / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << "low 0\noom 1\noom_kill " << kills << "\n";
    return path;
  }
  ~Cgroup() { std::filesystem::remove_all(root); }
};

}  // namespace

TEST_CASE("each kill of the OOM killer explains one death, for some seconds",
          "[obituary]") {
  const Cgroup cgroup;
  const auto kill = [&](int all) { return cgroup.at("memory.events", all); };
  Clock::time_point now{1h};
  OomWatch watch{kill(2)};
  CHECK_FALSE(watch.explains_death(now));
  kill(4);
  CHECK(watch.explains_death(now));
  CHECK(watch.explains_death(now += 1s));
  CHECK_FALSE(watch.explains_death(now));
  kill(5);  // a child of the application, which is no worker of ours
  watch.look(now += 10s);
  CHECK_FALSE(watch.explains_death(now += 6s));
  kill(6);
  watch.look(now += 500ms);  // a second has not passed
  watch.look(now += 1s);
  CHECK(watch.explains_death(now += 4s));
  std::filesystem::remove_all(cgroup.root);
  CHECK_FALSE(watch.explains_death(now));
  CHECK_FALSE(OomWatch{"/nowhere"}.explains_death(now));
}

TEST_CASE("the OOM killer's counter is found in cgroups of both versions",
          "[obituary]") {
  const Cgroup cgroup;
  const std::string v2 = cgroup.at("system.slice/a.service/memory.events", 0);
  const std::string v1 = cgroup.at("memory/a.service/memory.oom_control", 0);
  const std::string root = cgroup.root;
  CHECK(find_oom_counter("0::/system.slice/a.service\n", root) == v2);
  CHECK(find_oom_counter("9:name=systemd:/\n4:cpu,memory:/a.service\n0::/\n", root) ==
        v1);
  CHECK(find_oom_counter("9:name=memory:/a.service\n0::/b\n", root).empty());
  CHECK(find_oom_counter("", root).empty());
  CHECK(find_oom_counter("nonsense\n::\n", root).empty());
}

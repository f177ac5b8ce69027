// SPDX-License-Identifier: Apache-2.0
#include "cli/live/trace_text.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::cli;

namespace {

constexpr std::uint64_t kTraceNow = 100'000'000'000;

const std::string kSite = "  File \"/srv/site/views.py\", line 11 in lock\n";

std::string django(int count) {
  std::string frames;
  for (int i = 0; i < count; ++i)
    frames +=
        "  File \"/srv/.venv/lib/python3.11/site-packages/django/core/handlers/"
        "exception.py\", line 55 in inner\n";
  return frames;
}

const std::string kStart =
    "  File \"/usr/lib/python3.11/threading.py\", line 982 in run\n"
    "  File \"/usr/lib/python3.11/threading.py\", line 1045 in _bootstrap_inner\n"
    "  File \"/usr/lib/python3.11/threading.py\", line 1002 in _bootstrap\n";
const std::string kMain = "  File \"/usr/lib/monodon/zygote.py\", line 105 in main\n";

const std::string kIdle =
    "Thread 0x00007f07acafd6c0 [monodon-1] (most recent call first):\n" + kStart +
    "\n" + "Thread 0x00007f07aee77b80 [main] (most recent call first):\n" + kMain;

SlotStatus worker(std::size_t busy_thread, std::string request) {
  SlotStatus slot;
  slot.slot = 3;
  slot.page.emplace();
  slot.page->threads.resize(2);
  if (request.empty()) return slot;
  scoreboard::ThreadReport& thread = slot.page->threads[busy_thread];
  thread.started_ns = kTraceNow - 6'000'000'000;
  thread.request = std::move(request);
  thread.request_id = "abc";
  return slot;
}

bool has(const std::string& text, std::string_view what) {
  INFO(text);
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a worker that has nothing to do is no news", "[trace]") {
  CHECK(trace_text(worker(0, ""), kIdle, kTraceNow, false).empty());
  const std::string all = trace_text(worker(0, ""), kIdle, kTraceNow, true);
  CHECK(has(all, "thread [main]"));
  CHECK(has(all, "line 1045 in _bootstrap_inner"));
}

TEST_CASE("a thread is told with its request and the GIL, the others as idle",
          "[trace]") {
  const std::string stacks =
      "Thread 0x00007f07acafd6c0 [monodon-1] [holds the GIL] (most recent call "
      "first):\n" +
      kSite + django(24) + kStart + "\n" +
      "Thread 0x00007f07aee77b80 [main] (most recent call first):\n" + kMain;
  const std::string text =
      trace_text(worker(1, "GET /lock\x1b[2J"), stacks, kTraceNow, false);
  CHECK(has(text, "thread [monodon-1], holds the GIL, runs 6.0 s  GET /lock\\x1b[2J"));
  CHECK(has(text, "id abc"));
  CHECK(has(text, "views.py\", line 11 in lock"));
  CHECK(has(text, "... 24 frames of libraries"));
  CHECK(has(text, "idle: main"));
  CHECK_FALSE(has(text, "zygote.py"));
  CHECK_FALSE(has(text, "_bootstrap"));
  CHECK(has(trace_text(worker(1, "GET /"), stacks, kTraceNow, true), "exception.py"));
}

TEST_CASE("of libraries the innermost frames stay, those between are counted",
          "[trace]") {
  const auto lines = [](const std::string& frames) {
    return read_threads("Thread 0x1 (most recent call first):\n" + frames)[0].frames;
  };
  const auto shown = folded(lines(django(5) + kSite + django(1) + kSite + kMain));
  REQUIRE(shown.size() == 7);
  CHECK(has(shown[2], "exception.py"));
  CHECK(has(shown[3], "2 frames"));
  CHECK(has(shown[4], "views.py"));
  CHECK(has(shown[5], "exception.py"));  // one alone is as short as its count
  CHECK(has(shown[6], "views.py"));
}

TEST_CASE("a thread of the application's own is shown by its number", "[trace]") {
  const std::string stacks =
      "Thread 0x00007f07acafd6c0 (most recent call first):\n" + kSite + kStart;
  CHECK(has(trace_text(worker(0, ""), stacks, kTraceNow, false),
            "thread [0x00007f07acafd6c0]"));
}

TEST_CASE("a request whose thread is in no Python code says so", "[trace]") {
  CHECK(has(trace_text(worker(1, "GET /a"), kIdle, kTraceNow, false),
            "it waits for the GIL, or reads or writes"));
}

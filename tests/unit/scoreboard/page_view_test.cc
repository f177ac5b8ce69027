// SPDX-License-Identifier: Apache-2.0
#include "scoreboard/page_view.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <thread>

#include "scoreboard/page.h"
#include "scoreboard/segment.h"

using namespace monodon;
using namespace monodon::scoreboard;

namespace {

// A page with a writer, as a worker has it, and a reader, as the master has it.
struct Shared {
  explicit Shared(std::size_t threads)
      : memfd{std::move(make_page(threads)).value()},
        writer{memfd.get(), threads},
        view{std::move(
                 PageView::open(std::move(read_only_copy(memfd.get())).value().get(),
                                threads))
                 .value()} {}
  UniqueFd memfd;
  WorkerPage writer;
  PageView view;
};

// The raw bytes of a page, to write what no worker of ours would.
struct Bytes {
  // Through the owner's mapping: there is no other way to write into a sealed page.
  explicit Bytes(WorkerPage& owner, std::size_t n)
      : at{reinterpret_cast<std::uint64_t*>(&owner.header())}, size{n} {}

  void fill(std::mt19937_64& random) const {
    const std::uint64_t sort = random() % 4;
    for (std::size_t i = 0; i < size / 8; ++i)
      std::atomic_ref{at[i]}.store(sort == 0   ? 0
                                   : sort == 1 ? ~std::uint64_t{0}
                                               : random(),
                                   std::memory_order_relaxed);
  }

  std::uint64_t* at;
  std::size_t size;
};

// All that a report promises, whatever the page holds.
bool within_grammar(const WorkerReport& report, std::size_t threads) {
  bool fine = report.threads.size() == threads && !name_of(report.state).empty();
  for (const ThreadReport& thread : report.threads) {
    fine = fine && thread.remote.size() <= 32 && thread.request_id.size() <= 64 &&
           thread.request.size() <= 256 && !name_of(thread.phase).empty();
    for (const std::string* text :
         {&thread.remote, &thread.request_id, &thread.request})
      fine = fine && text->find('\0') == std::string::npos;
    fine = fine && (!thread.torn || thread.request.empty());
  }
  return fine;
}

}  // namespace

TEST_CASE("a reader sees what the worker runs, and its sums over all threads",
          "[view]") {
  Shared page{3};
  page.writer.header().state.store(static_cast<std::uint32_t>(WorkerState::serving));
  page.writer.header().serial.store(12);
  page.writer.header().heartbeat_ns.store(99);
  add(page.writer.header().accepted, 4);
  add(page.writer.header().late, 2);
  begin_request(page.writer.row(0), "GET", "/a", "10.0.0.1", "id", 1000);
  begin_request(page.writer.row(2), "POST", "/b", "", "", 2000);
  end_request(page.writer.row(2), 201, 7, 9, 1'000'000);

  const WorkerReport report = page.view.read();
  CHECK(report.state == WorkerState::serving);
  CHECK(report.serial == 12);
  CHECK(page.view.heartbeat_ns() == 99);
  CHECK(report.totals.accepted == 4);
  CHECK(report.totals.requests == 2);
  CHECK(report.totals.refused == 2);
  CHECK(report.totals.responses[3] == 2);
  CHECK(report.totals.responses[1] == 1);
  CHECK(report.totals.bytes_in == 7);
  REQUIRE(report.threads.size() == 3);
  CHECK(report.threads[0].request == "GET /a");
  CHECK(report.threads[0].request_id == "id");
  CHECK(report.threads[0].started_ns == 1000);
  CHECK(report.threads[2].started_ns == 0);
  CHECK(report.threads[1].phase == Phase::idle);
}

TEST_CASE("texts that a dead writer left half-written are not shown", "[view]") {
  Shared page{1};
  begin_request(page.writer.row(0), "GET", "/secret", "a", "b", 1000);
  page.writer.row(0).version.fetch_add(1);
  const WorkerReport report = page.view.read();
  CHECK(report.threads[0].torn);
  CHECK(report.threads[0].request.empty());
  CHECK(report.threads[0].started_ns == 1000);
}

TEST_CASE("a text without its end is cut at its room", "[view]") {
  Shared page{1};
  for (auto& word : page.writer.row(0).remote) word.store(0x4141414141414141);
  CHECK(page.view.read().threads[0].remote == std::string(32, 'A'));
}

TEST_CASE("numbers outside of an enum are unknown, not used", "[view]") {
  Shared page{1};
  page.writer.header().state.store(5);
  page.writer.row(0).phase.store(0xffffffff);
  const WorkerReport report = page.view.read();
  CHECK_FALSE(report.state);
  CHECK(name_of(report.state) == "unknown");
  CHECK_FALSE(report.threads[0].phase);
}

TEST_CASE("a time in the future has no age", "[view]") {
  CHECK(age_ns(0, 50) == 0);
  CHECK(age_ns(51, 50) == 0);
  CHECK(age_ns(20, 50) == 30);
}

TEST_CASE("a page that is too short or not sealed is refused", "[view]") {
  auto small = make_page(1);
  REQUIRE(small);
  CHECK(PageView::open(small.value().get(), 1));
  CHECK_FALSE(PageView::open(small.value().get(), 100));
  const UniqueFd unsealed{::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  REQUIRE(::ftruncate(unsealed.get(), 1 << 20) == 0);
  CHECK_FALSE(PageView::open(unsealed.get(), 1));
}

TEST_CASE("a reader never sees half of one request and half of another", "[view]") {
  Shared page{1};
  std::atomic<bool> done{false};
  std::thread writer{[&] {
    const std::string a(100, 'a');
    const std::string b(200, 'b');
    for (std::uint64_t i = 1; !done.load(std::memory_order_relaxed); ++i) {
      const bool odd = i % 2 != 0;
      begin_request(page.writer.row(0), odd ? "GET" : "POST", odd ? a : b,
                    odd ? "a" : "b", odd ? "a" : "b", i);
    }
  }};
  bool whole = true;
  int read = 0;  // as many as torn ones allow; all torn would prove nothing
  for (int i = 0; i < 2'000'000 && read < 5'000; ++i) {
    const ThreadReport row = page.view.read().threads[0];
    if (row.torn || row.request.empty()) continue;
    ++read;
    const std::string wanted = row.request[0] == 'G' ? "GET " + std::string(100, 'a')
                                                     : "POST " + std::string(200, 'b');
    const std::string mark = row.request[0] == 'G' ? "a" : "b";
    whole = whole && row.request == wanted && row.remote == mark &&
            row.request_id == mark && row.started_ns % 2 == (mark == "a" ? 1U : 0U);
  }
  done.store(true);
  writer.join();
  CHECK(whole);
  CHECK(read == 5'000);
}

TEST_CASE("no content of a page brings a reader out of bounds", "[view][fuzz]") {
  constexpr std::size_t kThreads = 3;
  Shared page{kThreads};
  const Bytes bytes{page.writer, page_size(kThreads)};
  CounterGuard guard{kThreads, 1};
  Totals before;
  bool fine = true;
  bool monotone = true;
  const auto look = [&](std::uint64_t now) {
    const WorkerReport report = page.view.read();
    fine = fine && within_grammar(report, kThreads);
    const Totals& after = guard.observe(report.totals, now);
    monotone = monotone && after.requests >= before.requests &&
               after.responses[4] >= before.responses[4] &&
               after.duration[2][5] >= before.duration[2][5] &&
               after.requests - before.requests <= kThreads * (1'000 + 1'000'000);
    before = after;
  };
  std::mt19937_64 random{20'261'123};
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    bytes.fill(random);
    look(seed * 1'000'000);
  }
  std::atomic<bool> done{false};
  std::thread scribbler{[&] {
    std::mt19937_64 noise{7};
    while (!done.load(std::memory_order_relaxed)) bytes.fill(noise);
  }};
  for (std::uint64_t seed = 5000; seed < 10'000; ++seed) look(seed * 1'000'000);
  done.store(true);
  scribbler.join();
  CHECK(fine);
  CHECK(monotone);
}

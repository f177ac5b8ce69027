// SPDX-License-Identifier: Apache-2.0
#include "scoreboard/page.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

using namespace monodon::scoreboard;

namespace {

template <std::size_t N>
std::string text_of(const std::array<std::atomic<std::uint64_t>, N>& words) {
  std::array<char, N * 8> bytes{};
  for (std::size_t i = 0; i < N; ++i) {
    const std::uint64_t word = words[i].load();
    std::memcpy(bytes.data() + i * 8, &word, 8);
  }
  return {bytes.data(), ::strnlen(bytes.data(), bytes.size())};
}

}  // namespace

TEST_CASE("a request that begins is shown without its query", "[page]") {
  WorkerPage page{2};
  ThreadRow& row = page.row(1);
  begin_request(row, "GET", "/a/path?token=secret", "10.0.0.1", "id-1", 77);
  CHECK(text_of(row.request) == "GET /a/path");
  CHECK(text_of(row.remote) == "10.0.0.1");
  CHECK(text_of(row.request_id) == "id-1");
  CHECK(row.started_ns.load() == 77);
  CHECK(row.version.load() % 2 == 0);
  CHECK(row.requests.load() == 1);
  CHECK(row.phase.load() == static_cast<std::uint32_t>(Phase::handling));
  CHECK(page.row(0).requests.load() == 0);

  begin_request(row, "GET", "/", "", "", 78);
  CHECK(text_of(row.request) == "GET /");
  CHECK(text_of(row.remote).empty());
  CHECK(row.sequence.load() == 2);
}

TEST_CASE("texts of any length are cut to their room and terminated", "[page]") {
  WorkerPage page{1};
  ThreadRow& row = page.row(0);
  for (std::size_t size = 0; size < 600; ++size) {
    const std::string path = "/" + std::string(size, 'p');
    begin_request(row, "POST", path, path, path, 1);
    CHECK(text_of(row.request) == ("POST " + path).substr(0, 255));
    CHECK(text_of(row.remote) == path.substr(0, 31));
    CHECK(text_of(row.request_id) == path.substr(0, 63));
  }
  begin_request(row, std::string(1000, 'M'), "/x", "", "", 1);
  CHECK(text_of(row.request) == std::string(255, 'M'));
}

TEST_CASE("a request that ends is counted by class and by duration", "[page]") {
  WorkerPage page{1};
  ThreadRow& row = page.row(0);
  begin_request(row, "GET", "/", "", "", 1);
  end_request(row, 204, 10, 20, 100'000);  // 100 us: the bound belongs to its bucket
  end_request(row, 500, 0, 5, 100'001'000'000, 240'000);  // began much earlier
  end_request(row, 0, 0, 0, 101'000);
  CHECK(row.started_ns.load() == 0);
  CHECK(row.responses[1].load() == 1);
  CHECK(row.responses[4].load() == 1);
  CHECK(row.responses[5].load() == 1);
  CHECK(row.duration[1][0].load() == 1);
  CHECK(row.duration[4][kBuckets - 1].load() == 1);
  CHECK(row.duration[5][1].load() == 1);
  CHECK(row.duration_sum_us[1].load() == 100);
  CHECK(row.first_byte[1][0].load() == 1);
  CHECK(row.first_byte_sum_us[1].load() == 100);
  CHECK(row.first_byte[4][1].load() == 1);
  CHECK(row.first_byte_sum_us[4].load() == 240);
  note_queue_time(row, 300);
  CHECK(row.queue[2].load() == 1);
  CHECK(row.queue_sum_us.load() == 300);
  CHECK(row.bytes_in.load() == 10);
  CHECK(row.bytes_out.load() == 25);
}

TEST_CASE("a request past its deadline is counted once, and shown on", "[page]") {
  WorkerPage page{1};
  ThreadRow& row = page.row(0);
  begin_request(row, "GET", "/slow", "", "", 7);
  expire_request(row, 504, 3, 2'000'000);
  CHECK(row.responses[4].load() == 1);
  CHECK(row.duration_sum_us[4].load() == 2000);
  CHECK(row.bytes_in.load() == 3);
  CHECK(row.started_ns.load() == 7);
  CHECK(row.phase.load() == static_cast<std::uint32_t>(Phase::expired));
  end_expired(row);
  CHECK(row.started_ns.load() == 0);
  CHECK(row.phase.load() == static_cast<std::uint32_t>(Phase::idle));
  CHECK(row.responses[4].load() == 1);
}

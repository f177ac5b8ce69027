// SPDX-License-Identifier: Apache-2.0
#include "scoreboard/board.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scoreboard/board_view.h"
#include "scoreboard/page_view.h"
#include "scoreboard/segment.h"

using namespace monodon;
using namespace monodon::scoreboard;

namespace {

BoardReport read(const Board& board) {
  auto view = BoardView::open(board.reader_fd());
  REQUIRE(view);
  return view.value().read();
}

Board make_board(std::size_t slots = 8) {
  auto board = Board::make(slots);
  REQUIRE(board);
  return std::move(board).value();
}

}  // namespace

TEST_CASE("readers see what the master published about a slot", "[board]") {
  Board board = make_board();
  board.set_goal(7, 3, 8);
  board.publish(2, {.state = SlotState::serving,
                    .serial = 17,
                    .generation = 7,
                    .pid = 4242,
                    .threads = 4,
                    .since_ns = 5,
                    .starts = 2});
  const BoardReport report = read(board);
  CHECK(report.master_pid == static_cast<std::uint32_t>(::getpid()));
  CHECK(report.generation == 7);
  CHECK(report.wanted == 3);
  CHECK(report.candidate == 8);
  REQUIRE(report.slots.size() == 3);
  CHECK(report.slots[0].state == SlotState::vacant);
  CHECK(report.slots[2].state == SlotState::serving);
  CHECK(report.slots[2].serial == 17);
  CHECK(report.slots[2].pid == 4242);
  CHECK(report.slots[2].threads == 4);
}

TEST_CASE("the counters of ended workers add up in their slot", "[board]") {
  Board board = make_board();
  Totals last;
  last.requests = 10;
  last.duration[1][3] = 10;
  board.worker_ended(1, last, Cause::signal, {.starts = 1});
  last.requests = 5;
  board.worker_ended(1, last, Cause::recycled, {.starts = 2});
  const BoardReport report = read(board);
  REQUIRE(report.slots.size() == 2);
  CHECK(report.slots[1].ended.requests == 15);
  CHECK(report.slots[1].ended.duration[1][3] == 20);
  CHECK(report.slots[1].serial == 0);
  CHECK(report.exits[static_cast<std::size_t>(Cause::signal)] == 1);
  CHECK(report.exits[static_cast<std::size_t>(Cause::recycled)] == 1);
}

TEST_CASE("the last events are kept, oldest first", "[board]") {
  Board board = make_board();
  for (std::uint32_t i = 1; i <= kEvents + 6; ++i)
    board.add_event({EventKind::worker_ended, 1, i, 2, "event " + std::to_string(i)});
  const BoardReport report = read(board);
  REQUIRE(report.events.size() == kEvents);
  CHECK(report.events.front().text == "event 7");
  CHECK(report.events.back().serial == kEvents + 6);
  CHECK(report.events.back().kind == EventKind::worker_ended);
  CHECK(report.events.back().unix_ns > 1'500'000'000'000'000'000U);
}

TEST_CASE("an event is shown whole, and one that is cut says so", "[board]") {
  Board board = make_board();
  const std::string whole(991, 'x');
  board.add_event({EventKind::worker_ended, 1, 1, 2, whole});
  board.add_event({EventKind::worker_ended, 1, 1, 2, whole + "y"});
  const BoardReport report = read(board);
  REQUIRE(report.events.size() == 2);
  CHECK(report.events.front().text == whole);
  CHECK(report.events.back().text == std::string(988, 'x') + "...");
}

TEST_CASE("a slot beyond the capacity is not shown and does no harm", "[board]") {
  Board board = make_board(2);
  board.publish(2, {.state = SlotState::serving, .starts = 1});
  board.worker_ended(9, Totals{}, Cause::asked, {});
  CHECK(read(board).slots.empty());
}

TEST_CASE("reloads are counted by outcome", "[board]") {
  Board board = make_board();
  board.count_reload(Reload::committed, 120);
  board.count_reload(Reload::refused, 30);
  const BoardReport report = read(board);
  CHECK(report.reloads[static_cast<std::size_t>(Reload::committed)] == 1);
  CHECK(report.reloads[static_cast<std::size_t>(Reload::refused)] == 1);
  CHECK(report.last_reload_ms == 30);
  CHECK(report.last_reload_unix > 1'500'000'000);
  board.count_reload(Reload::fell_back, std::nullopt);
  CHECK(read(board).reloads[static_cast<std::size_t>(Reload::fell_back)] == 1);
  CHECK(read(board).last_reload_ms == 30);
}

TEST_CASE("totals and serial of a slot change as one", "[board]") {
  Board board = make_board();
  Totals one;
  one.requests = 1;
  std::atomic<bool> done{false};
  std::atomic<bool> consistent{true};
  std::thread reader{[&] {
    auto view = BoardView::open(board.reader_fd());
    std::uint64_t last = 0;
    for (int changes = 0; view && changes < 1000 && !done.load();) {
      const BoardReport report = view.value().read();
      if (report.slots.empty() || !report.slots[0].state) continue;
      // Each worker counts one request: those that have ended and the living one are
      // all that were ever started.
      const SlotReport& slot = report.slots[0];
      if (slot.ended.requests + (slot.serial != 0 ? 1 : 0) != slot.starts)
        consistent.store(false);
      if (std::exchange(last, slot.starts) != slot.starts) ++changes;
    }
    done.store(true);
  }};
  constexpr std::uint32_t kMost = 300'000;  // a machine with one busy core
  for (std::uint32_t serial = 1; !done.load() && serial < kMost; ++serial) {
    board.publish(0, {.state = SlotState::serving, .serial = serial, .starts = serial});
    board.worker_ended(0, one, Cause::asked, {.starts = serial});
  }
  done.store(true);
  reader.join();
  CHECK(consistent.load());
}

TEST_CASE("what is not a board is refused with a sentence", "[board]") {
  auto page = make_page(1);
  REQUIRE(page);
  auto view = BoardView::open(page.value().get());
  REQUIRE_FALSE(view);
  CHECK(view.error().message().find("scoreboard") != std::string::npos);
  const UniqueFd plain{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  CHECK_FALSE(BoardView::open(plain.get()));
  const UniqueFd unsealed{::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  REQUIRE(::ftruncate(unsealed.get(), 1 << 20) == 0);
  CHECK_FALSE(BoardView::open(unsealed.get()));
}

TEST_CASE("a board that claims more slots than it is long is refused", "[board]") {
  auto fd = make_segment("forged", board_size(4));
  REQUIRE(fd);
  void* const memory = ::mmap(nullptr, board_size(4), PROT_READ | PROT_WRITE,
                              MAP_SHARED, fd.value().get(), 0);
  REQUIRE(memory != MAP_FAILED);
  auto* const header = new (memory) BoardHeader;
  header->magic = kBoardMagic;
  header->layout = kBoardVersion;
  header->header_size = sizeof(BoardHeader);
  header->event_size = sizeof(EventRow);
  header->slot_size = sizeof(SlotRow);
  header->slots = 4;
  CHECK(BoardView::open(fd.value().get()));
  header->slots = 0xffffffff;
  CHECK_FALSE(BoardView::open(fd.value().get()));
  header->slots = 4;
  header->slot_size = 8;
  CHECK_FALSE(BoardView::open(fd.value().get()));
  (void)::munmap(memory, board_size(4));
}

TEST_CASE("a reader's descriptor can neither write nor shrink", "[board]") {
  auto page = make_page(2);
  REQUIRE(page);
  CHECK(::ftruncate(page.value().get(), 0) == -1);
  auto copy = read_only_copy(page.value().get());
  REQUIRE(copy);
  CHECK((::fcntl(copy.value().get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, copy.value().get(),
               0) == MAP_FAILED);
  void* const memory =
      ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, copy.value().get(), 0);
  REQUIRE(memory != MAP_FAILED);
  CHECK(::mprotect(memory, 4096, PROT_READ | PROT_WRITE) == -1);
  (void)::munmap(memory, 4096);
}

TEST_CASE("what an owner has mapped nobody else can write, by any descriptor",
          "[board]") {
  auto page = make_page(1);
  REQUIRE(page);
  CHECK_FALSE(is_sealed_for_owner(page.value().get()));
  WorkerPage owner{page.value().get(), 1};
  Board board = make_board();
  for (const int fd : {page.value().get(), board.reader_fd()}) {
    CHECK(is_sealed_for_owner(fd));
    struct stat about {};
    REQUIRE(::fstat(fd, &about) == 0);
    CHECK((about.st_mode & 0777U) == 0600U);
    // Who runs as the same user may change the mode, and open it anew.
    (void)::fchmod(fd, 0777);
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const UniqueFd anew{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    REQUIRE(anew);
    CHECK(::pwrite(anew.get(), "x", 1, 0) == -1);
    CHECK(::ftruncate(anew.get(), 0) == -1);
    CHECK(::fcntl(anew.get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
    CHECK(::fallocate(anew.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                      4096) == -1);
    CHECK(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, anew.get(), 0) ==
          MAP_FAILED);
    void* const seen = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, anew.get(), 0);
    REQUIRE(seen != MAP_FAILED);
    CHECK(::mprotect(seen, 4096, PROT_READ | PROT_WRITE) == -1);
    (void)::munmap(seen, 4096);
  }
  owner.header().heartbeat_ns = 77;
  board.beat(78);
  CHECK(PageView::open(page.value().get(), 1).value().heartbeat_ns() == 77);
  CHECK(read(board).heartbeat_ns == 78);
}

TEST_CASE("the totals of an earlier master go on, its processes do not", "[board]") {
  Board first = make_board();
  Totals last;
  last.requests = 10;
  first.worker_ended(1, last, Cause::asked, {.starts = 3});
  first.count_start();
  first.set_stopping();
  first.publish(2, {.state = SlotState::serving, .serial = 9, .pid = 77, .starts = 1});
  auto next = Board::adopt(UniqueFd{::fcntl(first.reader_fd(), F_DUPFD_CLOEXEC, 0)});
  REQUIRE(next);
  BoardReport report = read(next.value());
  CHECK_FALSE(report.stopping);
  CHECK(report.starts == 1);
  REQUIRE(report.slots.size() == 3);
  CHECK(report.slots[1].ended.requests == 10);
  CHECK(report.slots[1].starts == 3);
  CHECK(report.slots[2].state == SlotState::vacant);
  CHECK(report.slots[2].serial == 0);

  next.value().publish(1, {.state = SlotState::forking, .serial = 1, .starts = 1});
  next.value().worker_ended(1, last, Cause::asked, {.starts = 1});
  report = read(next.value());
  CHECK(report.slots[1].ended.requests == 20);
  CHECK(report.slots[1].starts == 4);
}

TEST_CASE("what a worker counted is added once when no master saw its end", "[board]") {
  Board first = make_board();
  auto page = make_page(1);
  REQUIRE(page);
  {
    WorkerPage worker{page.value().get(), 1};
    add(worker.row(0).requests, 5);
  }
  first.publish(0, {.state = SlotState::serving, .serial = 4, .starts = 1});
  // Each master adopts the board of the one before it.
  std::optional<Board> board{std::move(first)};
  const auto adopt = [&](std::uint32_t serial) {
    const LastPage last{0, serial, page.value().get()};
    auto next = Board::adopt(UniqueFd{::fcntl(board->reader_fd(), F_DUPFD_CLOEXEC, 0)},
                             {&last, 1});
    REQUIRE(next);
    board.emplace(std::move(next).value());
    return read(*board).slots.at(0).ended.requests;
  };
  const bool waited_for = GENERATE(true, false);
  CHECK(adopt(waited_for ? 4 : 3) == (waited_for ? 5 : 0));
  CHECK(adopt(4) == (waited_for ? 5 : 0));
}

TEST_CASE("what is not a board of ours is not adopted", "[board]") {
  auto segment = make_segment("test", board_size(8));
  REQUIRE(segment);
  CHECK_FALSE(Board::adopt(std::move(segment).value()));
  auto other = make_segment("test", board_size(8));
  REQUIRE(other);
  const Board ours = make_board();
  std::vector<char> bytes(board_size(0));
  REQUIRE(::pread(ours.reader_fd(), bytes.data(), bytes.size(), 0) > 0);
  const std::uint32_t version = kBoardVersion + 1;
  std::memcpy(bytes.data() + 8, &version, sizeof version);
  REQUIRE(::pwrite(other.value().get(), bytes.data(), bytes.size(), 0) > 0);
  CHECK_FALSE(Board::adopt(std::move(other).value()));
}

// SPDX-License-Identifier: Apache-2.0
#include "base/log/log_file.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <optional>

#include "base/text/number.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using monodon::testing::Pipe;
using monodon::testing::Scratch;

namespace {

LogFile open_log(const std::string& path, int standard_fd = -1) {
  auto log = LogFile::open(path, standard_fd);
  REQUIRE(log);
  return std::move(log).value();
}

std::string numbered(unsigned i) {
  return "line " + std::to_string(i) + std::string(60, '.') + "\n";
}

struct Seen {
  std::uint64_t lines = 0;
  std::uint64_t missing = 0;  // as told by notices
  bool in_order = true;       // a notice stands exactly where the lines are missing
};

Seen look_at(const std::string& text) {
  Seen seen;
  std::uint64_t expected = 0;
  std::size_t from = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos;
       end = text.find('\n', from)) {
    const std::string line = text.substr(from, end - from);
    from = end + 1;
    if (line.starts_with("# ")) {
      const auto missing = parse_number(line.substr(2, line.find(' ', 2) - 2));
      seen.missing += missing.value_or(0);
      expected += missing.value_or(0);
    } else {
      ++seen.lines;
      seen.in_order =
          seen.in_order && line + "\n" == numbered(static_cast<unsigned>(expected));
      ++expected;
    }
  }
  seen.in_order = seen.in_order && from == text.size();
  return seen;
}

bool signal_pending(int number) {
  sigset_t pending{};
  (void)::sigpending(&pending);
  return ::sigismember(&pending, number) == 1;
}

}  // namespace

TEST_CASE("a log file is made as the umask says, and appended to", "[log_file]") {
  const Scratch scratch;
  const mode_t old = ::umask(0027);
  open_log(scratch / "a.log").write("one\n");
  ::umask(old);
  open_log(scratch / "a.log").write("two\n");
  CHECK(scratch.read("a.log") == "one\ntwo\n");
  struct stat about {};
  REQUIRE(::stat((scratch / "a.log").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0640);
}

TEST_CASE("a log that cannot be opened is an error that names it", "[log_file]") {
  auto log = LogFile::open("/nonexistent/a.log", 1);
  REQUIRE_FALSE(log);
  CHECK(log.error().message() ==
        "open log file /nonexistent/a.log: No such file or directory");
  CHECK_FALSE(LogFile::open("-", 987654));
}

TEST_CASE("no path and no file swallow everything", "[log_file]") {
  LogFile none = open_log("");
  none.write("gone\n");
  none.buffer("gone\n");
  none.flush();
  CHECK_FALSE(none.enabled());
  CHECK(none.dropped() == 0);
  CHECK(none.reopen());
}

TEST_CASE("a pipe that nobody reads never blocks, and the loss is counted",
          "[log_file]") {
  const Pipe pipe;
  LogFile log = open_log("-", pipe.write.get());
  constexpr unsigned kLines = 5000;
  unsigned i = 0;
  for (; i < kLines; ++i) log.write(numbered(i));  // must come to its end
  CHECK(log.dropped() > 0);
  CHECK(log.dropped() < kLines);

  std::string all = pipe.drain();
  while (look_at(all).missing == 0 && i < kLines + 10) {
    log.write(numbered(i++));
    all += pipe.drain();
  }
  const Seen seen = look_at(all);
  CHECK(seen.in_order);
  CHECK(seen.missing == log.dropped());
  CHECK(seen.lines + seen.missing == i);
}

TEST_CASE("a log does not make the pipe of others non-blocking", "[log_file]") {
  const Pipe pipe;
  const LogFile log = open_log("-", pipe.write.get());
  CHECK((::fcntl(pipe.write.get(), F_GETFL) & O_NONBLOCK) == 0);
  CHECK((::fcntl(log.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(log.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a pipe that cannot be opened anew does not block either", "[log_file]") {
  if (::geteuid() != 0) return;  // only root can become somebody else
  const Pipe pipe;
  REQUIRE(::seteuid(65534) == 0);
  LogFile log = open_log("-", pipe.write.get());
  REQUIRE(::seteuid(0) == 0);
  CHECK((::fcntl(log.fd(), F_GETFL) & O_NONBLOCK) == 0);
  unsigned i = 0;
  for (; i < 5000; ++i) log.write(numbered(i));
  CHECK(log.dropped() > 0);
  std::string all = pipe.drain();
  while (look_at(all).missing == 0 && i < 5100) {
    log.write(numbered(i++));
    all += pipe.drain();
  }
  CHECK(look_at(all).in_order);
  CHECK(look_at(all).missing == log.dropped());
}

TEST_CASE("a reader that is gone is a loss, not a signal", "[log_file]") {
  Pipe pipe;
  LogFile log = open_log("-", pipe.write.get());
  pipe.read.reset();
  log.write("one\ntwo\n");
  CHECK(log.dropped() == 2);
  CHECK_FALSE(signal_pending(SIGPIPE));
  log.buffer("three\n");
  log.flush();
  CHECK(log.dropped() == 3);
}

TEST_CASE("a full device is a loss", "[log_file]") {
  LogFile log = open_log("/dev/full");
  log.write("one\n");
  log.write("two\n");
  log.buffer("three\n");
  log.flush();
  CHECK(log.dropped() == 3);
}

TEST_CASE("after a full disk the next line begins on a line of its own", "[log_file]") {
  const Scratch scratch;
  LogFile log = open_log(scratch / "a.log");
  log.write("whole\n");
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const rlimit tight{10, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  log.write("is cut\n");
  log.write("is lost\n");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  CHECK_FALSE(signal_pending(SIGXFSZ));
  CHECK(log.dropped() == 2);
  log.write("whole again\n");
  CHECK(scratch.read("a.log") ==
        "whole\nis c\n# 2 lines are missing here: the log was not read, or could not "
        "be written\nwhole again\n");
}

TEST_CASE("a notice suits the format of the log", "[log_file]") {
  const Pipe pipe;
  LogFile log = open_log("-", pipe.write.get());
  log.set_notice(
      [](std::uint64_t n) { return "{\"missing\":" + std::to_string(n) + "}\n"; });
  for (unsigned i = 0; i < 5000; ++i) log.write(numbered(i));
  std::string all = pipe.drain();
  log.flush();
  all += pipe.drain();
  log.write("{}\n");
  CHECK(pipe.drain() == "{\"missing\":" + std::to_string(log.dropped()) + "}\n{}\n");
}

TEST_CASE("a socket that nobody reads never blocks, and one that is closed neither",
          "[log_file]") {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  UniqueFd ours{fds[0]};
  UniqueFd theirs{fds[1]};
  LogFile log = open_log("-", ours.get());
  for (unsigned i = 0; i < 20'000; ++i) log.write(numbered(i));
  CHECK(log.dropped() > 0);
  CHECK((::fcntl(ours.get(), F_GETFL) & O_NONBLOCK) == 0);
  theirs.reset();
  const std::uint64_t before = log.dropped();
  log.write("gone\n");
  CHECK(log.dropped() > before);
  CHECK_FALSE(signal_pending(SIGPIPE));
}

TEST_CASE("lines that are buffered go out in order, and by halves of the buffer",
          "[log_file]") {
  const Scratch scratch;
  LogFile log = open_log(scratch / "a.log");
  log.buffer("one\n");
  CHECK(scratch.read("a.log").empty());
  log.write("two\n");
  CHECK(scratch.read("a.log") == "one\ntwo\n");
  const std::string large(LogFile::kBuffer / 2, 'x');
  log.buffer(large + "\n");
  CHECK(scratch.read("a.log").size() == 8 + large.size() + 1);
}

TEST_CASE("a line larger than the buffer goes into a file whole", "[log_file]") {
  const Scratch scratch;
  LogFile log = open_log(scratch / "a.log");
  const std::string large = std::string(3 * LogFile::kBuffer, 'x') + "\n";
  log.write(large);
  log.buffer(large);
  log.flush();
  CHECK(scratch.read("a.log") == large + large);
  CHECK(log.dropped() == 0);
}

TEST_CASE("a log is opened again by its name after it was renamed", "[log_file]") {
  const Scratch scratch;
  LogFile log = open_log(scratch / "a.log");
  log.write("one\n");
  log.buffer("two\n");
  std::filesystem::rename(scratch / "a.log", scratch / "a.log.1");
  log.write("three\n");
  log.buffer("four\n");
  REQUIRE(log.reopen());
  log.write("five\n");
  CHECK(scratch.read("a.log.1") == "one\ntwo\nthree\nfour\n");
  CHECK(scratch.read("a.log") == "five\n");
}

TEST_CASE("a log that cannot be opened again stays where it is", "[log_file]") {
  const Scratch scratch;
  REQUIRE(std::filesystem::create_directory(scratch / "d"));
  LogFile log = open_log(scratch / "d/a.log");
  std::filesystem::rename(scratch / "d", scratch / "e");
  auto reopened = log.reopen();
  REQUIRE_FALSE(reopened);
  CHECK(reopened.error().code == ENOENT);
  log.write("still here\n");
  CHECK(scratch.read("e/a.log") == "still here\n");
}

TEST_CASE("a FIFO that nobody reads yet keeps lines for its reader", "[log_file]") {
  const Scratch scratch;
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  LogFile log = open_log(scratch / "fifo");
  log.write("one\n");
  const UniqueFd reader{
      ::open((scratch / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  std::array<char, 16> text{};
  REQUIRE(::read(reader.get(), text.data(), text.size()) == 4);
  CHECK(std::string_view{text.data(), 4} == "one\n");
}

TEST_CASE("a child that forgets does not write its parent's lines again",
          "[log_file]") {
  const Scratch scratch;
  LogFile log = open_log(scratch / "a.log");
  log.buffer("once\n");
  const pid_t child = ::fork();
  if (child == 0) {
    log.forget();
    log.write("child\n");
    ::_exit(0);
  }
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  log.flush();
  CHECK(scratch.read("a.log") == "child\nonce\n");
}

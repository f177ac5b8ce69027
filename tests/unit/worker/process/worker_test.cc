// SPDX-License-Identifier: Apache-2.0
// The worker as a whole, in a process of its own, with a native application.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "scoreboard/page_view.h"
#include "tests/support/cpp/worker_process.h"
#include "worker/wire/handoff.h"

using namespace monodon;
using namespace monodon::testing;

namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: a\r\n" + std::string{more} +
         "\r\n";
}

std::string body_of(const std::string& response) {
  const auto end = response.find("\r\n\r\n");
  return end == std::string::npos ? "no head" : response.substr(end + 4);
}

worker::Settings settings(unsigned threads = 1) {
  worker::Settings s;
  s.threads = threads;
  s.workers = 2;
  return s;
}

}  // namespace

TEST_CASE("a worker says ready, answers, and leaves when it is told to drain",
          "[worker]") {
  WorkerProcess w{settings()};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  const std::string answer = w.ask(get("/", "Connection: close\r\n"));
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(body_of(answer) == "hello");
  w.send(wire::Kind::drain, 1);
  CHECK(w.await_message().frame.kind == wire::Kind::drained);
  CHECK(w.wait() == 0);
}

TEST_CASE("pipelined requests are answered in their order", "[worker]") {
  WorkerProcess w{settings()};
  const std::string answer = w.ask(
      get("/") + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n" +
      get("/nothing"));
  CHECK(answer.find("hello") < answer.find("abc"));
  CHECK(answer.find("abc") < answer.find("def"));
  CHECK(answer.find("HTTP/1.1 500") != std::string::npos);
}

TEST_CASE("a request that comes byte by byte is served like any other", "[worker]") {
  WorkerProcess w{settings()};
  const UniqueFd fd = w.connect();
  for (const char c :
       std::string{"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                   "Content-Length: 4\r\n\r\nbody"})
    write_all(fd.get(), {&c, 1});
  CHECK(body_of(read_until(fd.get())) == "body");
}

TEST_CASE("a client that reads slowly gets everything and holds no thread",
          "[worker]") {
  auto s = settings();
  s.response_memory = 64 * 1024;  // the rest goes to the spool file
  WorkerProcess w{s};
  const UniqueFd slow = w.connect();
  write_all(slow.get(), get("/big"));
  // The only thread is free although nobody has read a byte of the other response.
  CHECK(body_of(w.ask(get("/", "Connection: close\r\n"))) == "hello");
  write_all(slow.get(), get("/", "Connection: close\r\n"));
  const std::string all = read_until(slow.get());
  CHECK(all.size() > (4U << 20U));
  CHECK(all.ends_with("hello"));
  CHECK(all.find("\r\n\r\n0,1,2,3,") != std::string::npos);
}

TEST_CASE("a response without a length is chunked and ends", "[worker]") {
  WorkerProcess w{settings()};
  const std::string answer = w.ask(get("/stream", "Connection: close\r\n"));
  CHECK(answer.find("Transfer-Encoding: chunked") != std::string::npos);
  CHECK(answer.find("8\r\npiece 0\n\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n0\r\n\r\n"));
}

TEST_CASE("what is not a request gets one answer, and nothing behind it runs",
          "[worker]") {
  WorkerProcess w{settings()};
  const std::string answer = w.ask("GET / HTTP/1.1\r\nHost : a\r\n\r\n" + kGet);
  CHECK(answer.starts_with("HTTP/1.1 400 "));
  CHECK(answer.find("hello") == std::string::npos);
  CHECK(answer.find("HTTP/1.1", 9) == std::string::npos);
}

TEST_CASE("a short body breaks the connection", "[worker]") {
  WorkerProcess w{settings()};
  const std::string answer = w.ask(get("/short") + kGet);
  CHECK(answer.find("Content-Length: 100") != std::string::npos);
  CHECK(body_of(answer) == "short");
}

TEST_CASE("early hints come before the response", "[worker]") {
  WorkerProcess w{settings()};
  const std::string answer = w.ask(get("/early", "Connection: close\r\n"));
  CHECK(answer.starts_with(
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
      "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("with followers, a request that takes long holds nobody up", "[worker]") {
  WorkerProcess w{settings(3)};
  const UniqueFd held = w.connect();
  const UniqueFd held_too = w.connect();
  write_all(held.get(), get("/gate", "Connection: close\r\n"));
  w.await_gate();
  write_all(held_too.get(), get("/gate", "Connection: close\r\n"));
  w.await_gate();
  for (int i = 0; i < 20; ++i)
    CHECK(body_of(w.ask(get("/", "Connection: close\r\n"))) == "hello");
  w.release();
  w.release();
  CHECK(body_of(read_until(held.get())) == "hello");
  CHECK(body_of(read_until(held_too.get())) == "hello");
}

TEST_CASE("a deadline answers 504, tells the master, and the worker can leave",
          "[worker]") {
  for (const unsigned threads : {1U, 2U}) {
    auto s = settings(threads);
    s.request_timeout = 100;
    WorkerProcess w{s};
    CHECK(w.await_message().frame.kind == wire::Kind::ready);
    const std::string answer = w.ask(get("/gate"));
    CHECK(answer.starts_with("HTTP/1.1 504 "));
    const auto slow = w.await_message();
    CHECK(slow.frame.kind == wire::Kind::slow);
    CHECK(slow.text == "stack of the toy");
    const wire::Message told = w.await_message();
    CHECK(told.frame.kind == wire::Kind::stuck);
    CHECK(told.text.starts_with("GET /gate"));
    w.send(wire::Kind::drain);
    CHECK(w.wait() == 0);  // although the thread never comes back
  }
}

TEST_CASE("a deadline that the application beats changes nothing", "[worker]") {
  auto s = settings();
  s.request_timeout = 20'000;
  WorkerProcess w{s};
  const UniqueFd fd = w.connect();
  write_all(fd.get(), get("/gate", "Connection: close\r\n"));
  w.await_gate();
  w.release();
  CHECK(body_of(read_until(fd.get())) == "hello");
  auto view = scoreboard::PageView::open(w.page(), 1);
  REQUIRE(view);
  // The row is written after the answer: the worker has done both once it has drained.
  w.send(wire::Kind::drain, 1);
  CHECK(w.wait() == 0);
  CHECK(view.value().read().totals.busy_ns > 0);
  CHECK(view.value().read().totals.requests == 1);
}

TEST_CASE("max_requests asks once for a replacement and goes on serving", "[worker]") {
  auto s = settings();
  s.max_requests = 3;
  WorkerProcess w{s};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  for (int i = 0; i < 5; ++i)
    CHECK(body_of(w.ask(get("/", "Connection: close\r\n"))) == "hello");
  const wire::Message told = w.await_message();
  CHECK(told.frame.kind == wire::Kind::retire);
  CHECK(told.frame.value == static_cast<std::int64_t>(wire::Retire::max_requests));
  w.send(wire::Kind::drain, 1);
  CHECK(w.await_message().frame.kind == wire::Kind::drained);
}

TEST_CASE("a worker that is old or large asks for its replacement", "[worker]") {
  auto old = settings();
  old.max_lifetime = 1;
  auto large = settings();
  large.max_memory = 1;
  for (const auto& [s, why] : {std::pair{old, wire::Retire::max_lifetime},
                               std::pair{large, wire::Retire::max_memory}}) {
    WorkerProcess w{s};
    CHECK(w.await_message().frame.kind == wire::Kind::ready);
    const wire::Message told = w.await_message();
    CHECK(told.frame.kind == wire::Kind::retire);
    CHECK(told.frame.value == static_cast<std::int64_t>(why));
    CHECK(body_of(w.ask(get("/", "Connection: close\r\n"))) == "hello");
  }
}

TEST_CASE("a master that did not read hears of what it missed", "[worker]") {
  auto s = settings();
  s.max_requests = 1;
  s.request_timeout = 100;
  WorkerProcess w{s};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  w.clog();
  const UniqueFd kept = w.connect();
  write_all(kept.get(), kGet);
  CHECK(body_of(read_until(kept.get(), "hello")) == "hello");
  CHECK(w.ask(get("/gate")).starts_with("HTTP/1.1 504 "));
  // The keeper hands this one on in a later round than it sent the 504 in: by then
  // both messages have been refused.
  write_all(kept.get(), kGet);
  pollfd p{w.handoff_out(), POLLIN, 0};
  REQUIRE(::poll(&p, 1, 10'000) == 1);
  const wire::Message retire = w.await_message_behind_clog();
  CHECK(retire.frame.kind == wire::Kind::retire);
  CHECK(retire.frame.value == static_cast<std::int64_t>(wire::Retire::max_requests));
  const wire::Message stuck = w.await_message_behind_clog();
  CHECK(stuck.frame.kind == wire::Kind::stuck);
  CHECK(stuck.text.starts_with("GET /gate"));
  w.send(wire::Kind::drain, 1);
  CHECK(w.wait() == 0);
}

TEST_CASE("SIGTERM to a worker asks for a replacement", "[worker]") {
  WorkerProcess w{settings()};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  w.signal(SIGTERM);
  const wire::Message told = w.await_message();
  CHECK(told.frame.kind == wire::Kind::retire);
  CHECK(told.frame.value == static_cast<std::int64_t>(wire::Retire::asked));
  CHECK(body_of(w.ask(get("/", "Connection: close\r\n"))) == "hello");
}

TEST_CASE("a worker without its master finishes what runs and leaves", "[worker]") {
  WorkerProcess w{settings()};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  const UniqueFd fd = w.connect();
  write_all(fd.get(), get("/gate"));
  w.await_gate();
  w.hang_up();
  w.release();
  CHECK(body_of(read_until(fd.get())) == "hello");
  CHECK(w.wait() == 0);
}

TEST_CASE("a request that runs when draining begins is answered", "[worker]") {
  auto s = settings();
  s.graceful_timeout = 20'000;
  WorkerProcess w{s};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  const UniqueFd kept = w.connect();
  write_all(kept.get(), kGet);
  CHECK(body_of(read_until(kept.get(), "hello")) == "hello");
  const UniqueFd held = w.connect();
  write_all(held.get(), get("/gate"));
  w.await_gate();
  w.send(wire::Kind::drain);
  // The keeper drains: the leader is in the application. It has looked at the clock
  // again by the time a second connection arrives here.
  pollfd p{w.handoff_out(), POLLIN, 0};
  REQUIRE(::poll(&p, 1, 10'000) == 1);
  CHECK(w.stacks() == "stack of the toy");
  w.release();
  CHECK(body_of(read_until(held.get(), "hello")) == "hello");
  CHECK(w.await_message().frame.kind == wire::Kind::drained);
  CHECK(w.wait() == 0);
}

TEST_CASE("draining hands idle connections on, with what was read of them",
          "[worker]") {
  WorkerProcess w{settings()};
  const UniqueFd kept = w.connect();
  const UniqueFd begun = w.connect();
  write_all(kept.get(), kGet);
  CHECK(body_of(read_until(kept.get(), "hello")) == "hello");
  write_all(begun.get(), "GET / HTTP/1.1\r\nHo");
  // The begun one was taken off the listener once a later one is answered.
  CHECK(body_of(w.ask(get("/", "Connection: close\r\n"))) == "hello");
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  w.send(wire::Kind::drain);
  CHECK(w.await_message().frame.kind == wire::Kind::drained);
  CHECK(w.wait() == 0);
  std::vector<std::string> inputs;
  for (int i = 0; i < 2; ++i) {
    auto got = worker::receive_handoff(w.handoff_out());
    REQUIRE(got);
    inputs.push_back(got.value().input);
    CHECK(got.value().kept == got.value().input.empty());
  }
  std::sort(inputs.begin(), inputs.end());
  CHECK(inputs == std::vector<std::string>{"", "GET / HTTP/1.1\r\nHo"});
}

TEST_CASE("a connection handed in is served", "[worker]") {
  WorkerProcess w{settings()};
  CHECK(w.await_message().frame.kind == wire::Kind::ready);
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) ==
          0);
  UniqueFd client{fds[0]};
  UniqueFd server{fds[1]};
  worker::Handoff h;
  h.kept = true;
  h.input = "GET / HTTP/1.1\r\n";
  REQUIRE(worker::send_handoff(w.handoff_in(), server.get(), h));
  server.reset();
  write_all(client.get(), "Host: a\r\nConnection: close\r\n\r\n");
  CHECK(body_of(read_until(client.get())) == "hello");
}

TEST_CASE("a kept connection does not wait behind a long request", "[worker]") {
  WorkerProcess w{settings()};  // one thread, and another worker that could help
  const UniqueFd kept = w.connect();
  write_all(kept.get(), kGet);
  CHECK(body_of(read_until(kept.get(), "hello")) == "hello");
  const UniqueFd held = w.connect();
  write_all(held.get(), get("/gate", "Connection: close\r\n"));
  w.await_gate();
  write_all(kept.get(), kGet);
  pollfd p{w.handoff_out(), POLLIN, 0};
  REQUIRE(::poll(&p, 1, 10'000) == 1);
  auto got = worker::receive_handoff(w.handoff_out());
  REQUIRE(got);
  CHECK(got.value().kept);
  w.release();
  CHECK(body_of(read_until(held.get())) == "hello");
}

// SPDX-License-Identifier: Apache-2.0
// The native applications that tests and measurements ask for by name.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "worker/native/native.h"

namespace monodon::native {
namespace {

using worker::Request;
using worker::Response;
using worker::Taken;

constexpr std::string_view kHello = "Hello, world\n";
constexpr std::array<http::Field, 2> kText{
    {{"Content-Type", "text/plain"}, {"Content-Length", "13"}}};

// native:hello. Nothing but a constant, for measuring the server.
class Hello final : public worker::Handler {
 public:
  void handle(const Request& /*request*/, Response& response) override {
    if (const std::string error = response.begin({"200 OK", kText}, kHello.size());
        !error.empty())
      return response.fail(error);
    response.finish(kHello);
  }
};

// native:test. What an application can do to its worker, by path:
//   /echo           the body
//   /sleep?MS       waits, then answers
//   /spin?MS        computes, then answers
//   /stream?COUNT   that many blocks of 1000 bytes, without a Content-Length
//   /crash          SIGSEGV
//   /exit?STATUS    _exit(2)
//   /throw          an exception
//   /cut            a head and half of the body
//   anything else   method, path, query, address, pid
class Test final : public worker::Handler {
 public:
  void handle(const Request& request, Response& response) override;
};

unsigned number(std::string_view text) {
  unsigned value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void answer(Response& response, std::string_view body) {
  static constexpr std::array<http::Field, 1> kFields{{{"Content-Type", "text/plain"}}};
  const std::string error = response.begin({"200 OK", kFields}, body.size());
  if (!error.empty()) return response.fail(error);
  response.finish(body);
}

void echo(const Request& request, Response& response) {
  const std::uint64_t size = request.body->size();
  if (const std::string error = response.begin({"200 OK", {}}, size); !error.empty())
    return response.fail(error);
  std::array<char, 16 * 1024> block;
  for (std::uint64_t at = 0; at < size;) {
    const std::int64_t got = request.body->read(at, block.data(), block.size());
    if (got <= 0) return response.fail("body cannot be read");
    if (response.write({block.data(), static_cast<std::size_t>(got)}) != Taken::sent)
      break;
    at += static_cast<std::uint64_t>(got);
  }
  response.finish({});
}

void stream(unsigned count, Response& response) {
  if (const std::string error = response.begin({"200 OK", {}}, {}); !error.empty())
    return response.fail(error);
  const std::string block(1000, 'x');
  for (unsigned i = 0; i < count; ++i)
    if (response.write(block) != Taken::sent) break;
  response.finish({});
}

void spin(std::chrono::milliseconds time) {
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
  }
}

void cut(Response& response) {
  static constexpr std::array<http::Field, 1> kFields{{{"Content-Length", "10"}}};
  (void)response.begin({"200 OK", kFields}, {});
  (void)response.write("12345");
}

void Test::handle(const Request& request, Response& response) {
  const std::string_view path = request.head->path;
  const unsigned value = number(request.head->query);
  const std::chrono::milliseconds time{value};
  if (path == "/echo") return echo(request, response);
  if (path == "/stream") return stream(value, response);
  if (path == "/cut") return cut(response);
  if (path == "/throw") throw std::runtime_error{"as asked"};
  if (path == "/exit") ::_exit(static_cast<int>(value));
  if (path == "/crash") (void)::raise(SIGSEGV);
  if (path == "/sleep") std::this_thread::sleep_for(time);
  if (path == "/spin") spin(time);
  answer(response, fmt::format("{} {} {} {} {}\n", request.head->method, path,
                               request.head->query, request.remote_addr, ::getpid()));
}

}  // namespace

worker::Handler* built_in(std::string_view name) {
  static Hello hello;
  static Test test;
  if (name == "hello") return &hello;
  if (name == "test") return &test;
  return nullptr;
}

}  // namespace monodon::native

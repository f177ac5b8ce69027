// SPDX-License-Identifier: Apache-2.0
#include "metrics/http/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "metrics/http/host_check.h"

using namespace monodon;
using namespace monodon::metrics;
using namespace std::chrono_literals;

namespace {

// A server on a port of its own, while `client` runs in a thread.
class Served {
 public:
  explicit Served(HttpServer::Patience patience = {}) : patience_{patience} {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    at_.sin_family = AF_INET;
    at_.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at_;
    REQUIRE(::bind(listener_.get(), address(), size) == 0);
    REQUIRE(::listen(listener_.get(), 512) == 0);
    REQUIRE(::getsockname(listener_.get(), address(), &size) == 0);
  }

  void run(const std::function<void()>& client) {
    HttpServer server{std::move(listener_),
                      [this](const HttpRequest& asked, const HttpServer::Reply& reply) {
                        answer(asked, reply);
                      },
                      [](std::string_view host) { return is_own_host(host, {}); },
                      patience_};
    const UniqueFd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    server.watch(done.get(), [&] { server.stop(); });
    std::thread thread{[&] {
      client();
      (void)::eventfd_write(done.get(), 1);
    }};
    server.run();
    thread.join();
  }

  [[nodiscard]] UniqueFd connect() {
    UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd.get(), address(), sizeof at_) != 0) return {};
    return fd;
  }

  // Everything that comes until the end.
  [[nodiscard]] std::string ask(const std::string& request) {
    const UniqueFd fd = connect();
    (void)!::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    return hear(fd);
  }

  static std::string hear(const UniqueFd& fd) {
    std::string all;
    std::array<char, 4096> block{};
    for (ssize_t got; (got = ::recv(fd.get(), block.data(), block.size(), 0)) > 0;)
      all.append(block.data(), static_cast<std::size_t>(got));
    return all;
  }

 private:
  // "/later" is answered together with the request after it.
  void answer(const HttpRequest& asked, const HttpServer::Reply& reply) {
    if (asked.path == "/later") {
      later_ = reply;
      return;
    }
    std::string body{asked.path};
    if (asked.forwarded) body += " forwarded";
    if (asked.cross_site) body += " from elsewhere";
    reply({200, "text/plain", body});
    if (auto waits = std::exchange(later_, nullptr))
      waits({200, "text/plain", "at last"});
  }

  sockaddr* address() { return reinterpret_cast<sockaddr*>(&at_); }

  HttpServer::Patience patience_;
  HttpServer::Reply later_;
  UniqueFd listener_;
  sockaddr_in at_{};
};

constexpr const char* kLast =
    "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("what is no request for the exporter gets the status that says why",
          "[http_server]") {
  Served served;
  const std::string host = "Host: 127.0.0.1:9117\r\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"GET /x?y HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", "HTTP/1.1 200"},
      {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200"},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 9\r\n\r\nname=body",
       "HTTP/1.1 405"},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length: 9\r\n\r\nname=body",
       "HTTP/1.1 200"},
      {"nonsense\r\n\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", "HTTP/1.1 400"},
      {"GET / HTTP/7.3\r\n" + host + "\r\n", "HTTP/1.1 505"},
      {"GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", "HTTP/1.1 421"},
      {"GET / HTTP/1.1\r\n" + host + "A: " + std::string(20'000, 'a') + "\r\n\r\n",
       "HTTP/1.1 431"}};
  std::vector<std::string> answers;
  served.run([&] {
    for (const auto& [request, status] : cases) answers.push_back(served.ask(request));
  });
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].first.substr(0, 80) << answers[i]);
    CHECK(answers[i].starts_with(cases[i].second));
  }
  CHECK(answers[0].ends_with("\r\n\r\n/x"));
  CHECK(answers[2].find("Allow: GET, HEAD") != std::string::npos);
}

TEST_CASE("requests of one connection are answered one after the other",
          "[http_server]") {
  Served served;
  std::string answers;
  served.run([&] {
    answers = served.ask(
        "GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        "HEAD /2 HTTP/1.1\r\nHost: localhost\r\n\r\n" +
        std::string{kLast});
  });
  CHECK(answers.find("\r\n\r\n/1HTTP/1.1 200") != std::string::npos);
  CHECK(answers.ends_with("\r\n\r\n/x"));
}

TEST_CASE("silent connections make room for who asks", "[http_server]") {
  Served served;
  std::string answer;
  std::string oldest;
  served.run([&] {
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 300; ++i) {
      silent.push_back(served.connect());
      (void)!::send(silent.back().get(), "GET / HTTP/1.1\r\nHost", 20, MSG_NOSIGNAL);
    }
    answer = served.ask(kLast);
    oldest = Served::hear(silent.front());
  });
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(oldest.empty());
}

TEST_CASE("a head that does not come in time is told so, silence is not",
          "[http_server]") {
  Served served{{.head = 100ms, .idle = 200ms}};
  std::string slow;
  std::string silent;
  std::string idle;
  std::string second;
  served.run([&] {
    const UniqueFd nothing = served.connect();
    slow = served.ask("GET / HTT");
    silent = Served::hear(nothing);
    const std::string first = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    idle = served.ask(first);
    second = served.ask(first + "GET");
  });
  CHECK(slow.starts_with("HTTP/1.1 408"));
  CHECK(silent.empty());
  CHECK(idle.ends_with("\r\n\r\n/x"));
  CHECK(second.find("HTTP/1.1 408") != std::string::npos);
}

TEST_CASE("an answer may come later, in its turn, and nobody else waits for it",
          "[http_server]") {
  Served served;
  std::string own;
  std::string both;
  served.run([&] {
    const UniqueFd waits = served.connect();
    const std::string two =
        "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string{kLast};
    (void)!::send(waits.get(), two.data(), two.size(), MSG_NOSIGNAL);
    // Until it is there: an answer before that would be the last.
    while (own.find("at last") == std::string::npos && both.empty()) {
      own = served.ask(kLast);
      pollfd ready{waits.get(), POLLIN, 0};
      if (::poll(&ready, 1, 50) == 1) both = Served::hear(waits);
    }
  });
  CHECK(own.ends_with("\r\n\r\n/x"));
  CHECK(both.find("\r\n\r\nat lastHTTP/1.1 200") != std::string::npos);
  CHECK(both.ends_with("\r\n\r\n/x"));
}

TEST_CASE("what proxies and browsers say about a request is heard", "[http_server]") {
  Served served;
  std::vector<std::string> answers;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "/x"},
      {"Via: 1.1 proxy\r\n", "/x forwarded"},
      {"X-Forwarded-For: 203.0.113.7\r\n", "/x forwarded"},
      {"Sec-Fetch-Site: same-origin\r\n", "/x"},
      {"Sec-Fetch-Site: none\r\n", "/x"},
      {"Sec-Fetch-Site: cross-site\r\n", "/x from elsewhere"}};
  served.run([&] {
    for (const auto& [field, said] : cases)
      answers.push_back(served.ask("GET /x HTTP/1.1\r\nHost: localhost\r\n" + field +
                                   "Connection: close\r\n\r\n"));
  });
  for (std::size_t i = 0; i < cases.size(); ++i)
    CHECK(answers[i].ends_with("\r\n\r\n" + cases[i].second));
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace monodon::metrics {

struct HttpAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields = {};  // more of the head
};

struct HttpRequest {
  std::string_view path;
  std::string_view accept;  // Accept; "" if there is none
  bool cross_site = false;  // a browser says that a page from elsewhere asks
  bool forwarded = false;   // a proxy says that it asks for somebody else
};

// A small HTTP/1.1 server for GET and HEAD, and the loop of the exporter: one thread.
// For scrapers, health checks and browsers, never for the application's clients. Keeps
// at most kMaxClients connections (metrics/http/http_session.h); the one that has been
// idle longest makes room for the next.
class HttpServer {
 public:
  static constexpr std::size_t kMaxClients = 128;
  // To be called once, then or later, in the same thread.
  using Reply = std::function<void(HttpAnswer)>;
  using Handler = std::function<void(const HttpRequest&, Reply)>;
  // Whether a Host names this server.
  using HostCheck = std::function<bool(std::string_view host)>;

  struct Patience {
    std::chrono::milliseconds head{10'000};  // for a head, from its first byte on
    std::chrono::milliseconds idle{75'000};  // between two requests
    std::chrono::milliseconds write{30'000};
  };

  // `listener`: a listening socket, TCP or Unix, non-blocking. Throws at start-up only.
  // `host` is asked on TCP only: a browser on this machine can be made to ask there, by
  // a page that has its own name lead here (DNS rebinding), and to read the answer.
  HttpServer(UniqueFd listener, Handler handler, HostCheck host, Patience patience);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Calls `ready` whenever `fd` can be read; it must read until EAGAIN or stop().
  void watch(int fd, std::function<void()> ready);
  void every(std::chrono::milliseconds period, std::function<void()> tick);
  // As every(), where each call says how long it is until the next one.
  void repeat(std::function<std::chrono::milliseconds()> tick);
  void run();
  void stop();
  // For what waits in this loop with means of its own.
  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace monodon::metrics

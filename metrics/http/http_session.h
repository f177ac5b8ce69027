// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "metrics/http/http_server.h"

namespace monodon::metrics {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;

struct HttpService {
  HttpServer::Handler handler;
  HttpServer::HostCheck host;  // null: any will do
  HttpServer::Patience patience;
};

// One connection of the exporter's server. Owns itself through the callbacks that wait
// for it. The time for a head runs from its first byte on or, before the first request,
// from the beginning. What is no request that we answer gets the status that says why,
// and the connection ends.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  // `guarded`: the client can send descriptors (base/process/passed_fds.h).
  HttpSession(Protocol::socket socket, const HttpService& service, bool guarded);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void begin();
  // Makes room for another.
  void end();
  // Waits for its client, since then.
  [[nodiscard]] bool idle() const { return waiting_; }
  [[nodiscard]] std::chrono::steady_clock::time_point since() const { return since_; }

  // Does not wait, whatever the client has sent.
  static void close(UniqueFd socket, bool guarded);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using ErrorCode = boost::system::error_code;

  void await_head(std::chrono::milliseconds patience);
  void await_bytes();
  void receive();
  void parse();
  void answer();
  void refuse(unsigned status, const std::string& why);
  void compress(HttpAnswer& said);
  void write(HttpAnswer said, bool keep_alive, bool head);
  void drain();
  void on_late();
  void set_deadline(std::chrono::milliseconds patience);

  Protocol::socket socket_;
  const HttpService& service_;
  bool guarded_;
  bool waiting_ = false;   // for bytes
  bool begun_ = false;     // some of a head are there
  bool served_ = false;    // a request was answered
  bool draining_ = false;  // until the client has seen the last answer
  unsigned turn_ = 0;      // of waiting
  std::size_t drained_ = 0;
  std::chrono::steady_clock::time_point since_;
  asio::steady_timer deadline_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  boost::beast::http::response<boost::beast::http::string_body> response_;
};

}  // namespace monodon::metrics

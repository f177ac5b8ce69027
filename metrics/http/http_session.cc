// SPDX-License-Identifier: Apache-2.0
// One connection of the exporter, from its first byte to its end.
#include "metrics/http/http_session.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "base/process/closer.h"
#include "base/process/passed_fds.h"
#include "metrics/http/gzip.h"

namespace monodon::metrics {

namespace http = boost::beast::http;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kDrainPatience{1'000};
constexpr std::uint32_t kMaxHead = 16 * 1024;
constexpr std::size_t kMostDrained = 256 * 1024;
constexpr std::size_t kBlock = 4096;
const std::string kPlain = "text/plain; charset=utf-8";

unsigned status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return 431;
  if (error == http::error::bad_version) return 505;
  return 400;
}

// What proxies add of their own accord or by everybody's configuration.
template <typename Request>
bool is_forwarded(const Request& request) {
  for (const char* name : {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host",
                           "X-Forwarded-Proto", "X-Real-IP"})
    if (request.count(name) != 0) return true;
  return false;
}

}  // namespace

HttpSession::HttpSession(Protocol::socket socket, const HttpService& service,
                         bool guarded)
    : socket_{std::move(socket)},
      service_{service},
      guarded_{guarded},
      since_{std::chrono::steady_clock::now()},
      deadline_{socket_.get_executor()} {}

HttpSession::~HttpSession() {
  if (!socket_.is_open()) return;
  ErrorCode error;
  const int fd = socket_.release(error);
  if (!error) close(UniqueFd{fd}, guarded_);
}

void HttpSession::close(UniqueFd socket, bool guarded) {
  if (guarded && has_unread(socket.get()))
    Closer::of_process().close(std::move(socket));
}

void HttpSession::begin() {
  await_head(service_.patience.head);
}

void HttpSession::await_head(milliseconds patience) {
  parser_.emplace();
  parser_->header_limit(kMaxHead);
  begun_ = false;
  since_ = std::chrono::steady_clock::now();
  set_deadline(patience);
  parse();
}

// The callbacks that wait see an error or their end, and let go.
void HttpSession::end() {
  ErrorCode ignored;
  (void)deadline_.cancel();
  (void)socket_.cancel(ignored);
  (void)::shutdown(socket_.native_handle(), SHUT_RDWR);
}

void HttpSession::set_deadline(milliseconds patience) {
  deadline_.expires_after(patience);
  deadline_.async_wait([weak = weak_from_this()](const ErrorCode& error) {
    if (auto self = weak.lock(); self && !error) self->on_late();
  });
}

void HttpSession::on_late() {
  if (waiting_ && begun_ && !draining_)
    refuse(408, "the head of the request did not come in time");
  else
    end();
}

// What was waited for before is void: its callback may be on its way already.
void HttpSession::await_bytes() {
  waiting_ = true;
  socket_.async_wait(
      Protocol::socket::wait_read,
      [self = shared_from_this(), turn = ++turn_](const ErrorCode& error) {
        if (!error && turn == self->turn_) self->receive();
      });
}

// Whoever returns from here without waiting for something ends the connection.
void HttpSession::receive() {
  const auto room = buffer_.prepare(kBlock);
  auto* const to = static_cast<char*>(room.data());
  std::vector<UniqueFd> strangers;
  const ssize_t got =
      guarded_ ? receive_guarded(socket_.native_handle(), {to, room.size()}, strangers)
               : ::recv(socket_.native_handle(), to, room.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return await_bytes();
  if (!strangers.empty()) return Closer::of_process().close(std::move(strangers));
  if (got <= 0) return;
  if (draining_) {
    drained_ += static_cast<std::size_t>(got);
    if (drained_ < kMostDrained) await_bytes();
    return;
  }
  buffer_.commit(static_cast<std::size_t>(got));
  if (!begun_ && served_) set_deadline(service_.patience.head);
  parse();
}

void HttpSession::parse() {
  if (buffer_.size() == 0) return await_bytes();
  begun_ = true;
  ErrorCode error;
  const std::size_t used = parser_->put(buffer_.data(), error);
  buffer_.consume(used);
  if (error == http::error::need_more) return await_bytes();
  if (error) return refuse(status_of(error), error.message());
  if (!parser_->is_header_done()) return await_bytes();
  answer();
}

void HttpSession::answer() {
  const auto& request = parser_->get();
  const bool head = request.method() == http::verb::head;
  // Nothing that we answer has a body; what comes is not read as the next request.
  const bool whole = !parser_->chunked() &&
                     (!parser_->content_length() || *parser_->content_length() == 0);
  const bool keep_alive = request.keep_alive() && whole;
  if (!head && request.method() != http::verb::get)
    return write({405, kPlain, "GET or HEAD\n", {{"Allow", "GET, HEAD"}}}, false, head);
  if (request.version() != 10 && request.version() != 11)
    return refuse(505, "HTTP/1.0 or HTTP/1.1");
  const auto hosts = request.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && request.version() >= 11))
    return refuse(400, "one Host is needed");
  const auto host = request[http::field::host];
  if (service_.host && hosts == 1 && !service_.host({host.data(), host.size()}))
    return write(
        {421,
         kPlain,
         "this server does not know itself by that name; ask by address, or add "
         "the name to metrics_hosts\n",
         {}},
        false, head);
  const std::string_view target{request.target().data(), request.target().size()};
  const auto accept = request[http::field::accept];
  const auto site = request["Sec-Fetch-Site"];
  const HttpRequest asked{
      .path = target.substr(0, target.find('?')),
      .accept = {accept.data(), accept.size()},
      .cross_site = !site.empty() && site != "same-origin" && site != "none",
      .forwarded = is_forwarded(request)};
  waiting_ = false;
  ++turn_;
  set_deadline(service_.patience.write);
  service_.handler(asked,
                   [self = shared_from_this(), keep_alive, head](HttpAnswer said) {
                     self->write(std::move(said), keep_alive, head);
                   });
}

void HttpSession::refuse(unsigned status, const std::string& why) {
  write({status, kPlain, why + "\n", {}}, false, false);
}

// A scrape is mostly the same words again and again.
void HttpSession::compress(HttpAnswer& said) {
  constexpr std::size_t kSmall = 1024;
  if (!parser_->is_header_done() || said.body.size() < kSmall) return;
  response_.set(http::field::vary, "Accept-Encoding");
  const auto takes = parser_->get()[http::field::accept_encoding];
  if (!accepts_gzip({takes.data(), takes.size()})) return;
  if (std::string packed = gzip(said.body); !packed.empty()) {
    said.body = std::move(packed);
    response_.set(http::field::content_encoding, "gzip");
  }
}

void HttpSession::write(HttpAnswer said, bool keep_alive, bool head) {
  waiting_ = false;
  ++turn_;
  response_ = {};
  response_.result(said.status);
  response_.set(http::field::content_type, said.type);
  response_.set(http::field::cache_control, "no-store");
  response_.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : said.fields) response_.set(name, value);
  compress(said);
  const bool old = parser_->is_header_done() && parser_->get().version() == 10;
  response_.version(old ? 10 : 11);
  response_.keep_alive(keep_alive);
  response_.content_length(said.body.size());
  if (!head) response_.body() = std::move(said.body);
  set_deadline(service_.patience.write);
  http::async_write(socket_, response_,
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      if (error) return;
                      self->served_ = true;
                      if (self->response_.keep_alive())
                        self->await_head(self->service_.patience.idle);
                      else
                        self->drain();
                    });
}

// Closing with something unread would reset the connection, and the client could lose
// the answer before it has read it.
void HttpSession::drain() {
  draining_ = true;
  buffer_.clear();
  (void)::shutdown(socket_.native_handle(), SHUT_WR);
  set_deadline(kDrainPatience);
  await_bytes();
}

}  // namespace monodon::metrics

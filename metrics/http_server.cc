// SPDX-License-Identifier: Apache-2.0
#include "metrics/http_server.h"

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <list>
#include <optional>

namespace monodon::metrics {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::io_context::executor_type>;
using ErrorCode = boost::system::error_code;

namespace {

constexpr std::chrono::seconds kPatience{75};
// Out of descriptors: those that wait stay in the kernel meanwhile.
constexpr std::chrono::milliseconds kAcceptPause{500};
constexpr std::uint32_t kMaxHead = 16 * 1024;

// One connection. Owns itself through the callbacks that wait for it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Stream::socket_type socket, const HttpServer::Handler& handler,
          std::size_t& count)
      : stream_{std::move(socket)}, handler_{handler}, count_{count} {
    ++count_;
  }
  ~Session() { --count_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHead);
    parser_->body_limit(0);
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCode error, std::size_t) {
                       if (!error) self->answer();
                     });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    const std::string_view target{request.target().data(), request.target().size()};
    const bool head = request.method() == http::verb::head;
    HttpAnswer said =
        head || request.method() == http::verb::get
            ? handler_(target.substr(0, target.find('?')))
            : HttpAnswer{405, "text/plain", "GET or HEAD\n", {{"Allow", "GET, HEAD"}}};
    response_ = {};
    response_.version(request.version());
    response_.result(said.status);
    response_.set(http::field::content_type, said.type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : said.fields) response_.set(name, value);
    response_.keep_alive(request.keep_alive());
    response_.content_length(said.body.size());
    if (!head) response_.body() = std::move(said.body);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](ErrorCode error, std::size_t) {
                        if (!error && self->response_.keep_alive()) self->read();
                      });
  }

  Stream stream_;
  const HttpServer::Handler& handler_;
  std::size_t& count_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

struct HttpServer::Loop {
  struct Watched {
    asio::posix::stream_descriptor descriptor;
    std::function<void()> ready;
  };
  struct Ticking {
    asio::steady_timer timer;
    std::chrono::milliseconds period;
    std::function<void()> tick;
  };

  Loop(UniqueFd socket, HttpServer::Handler answerer)
      : handler{std::move(answerer)}, listener{context, socket.release()} {
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    if (::getsockname(listener.native_handle(), reinterpret_cast<sockaddr*>(&at),
                      &size) == 0)
      family = at.ss_family;
    await_client();
  }

  void await_client() {
    listener.async_wait(asio::posix::stream_descriptor::wait_read,
                        [this](const ErrorCode& error) {
                          if (!error) take_client();
                        });
  }

  void take_client() {
    const int fd = ::accept4(listener.native_handle(), nullptr, nullptr,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    const bool exhausted = fd < 0 && (errno == EMFILE || errno == ENFILE ||
                                      errno == ENOBUFS || errno == ENOMEM);
    UniqueFd client{fd};
    if (client && clients < kMaxClients) {
      Stream::socket_type socket{context};
      ErrorCode error;
      socket.assign(Protocol{family, 0}, client.get(), error);
      if (!error) {
        (void)client.release();
        std::make_shared<Session>(std::move(socket), handler, clients)->read();
      }
    }
    if (!exhausted) return await_client();
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](const ErrorCode& error) {
      if (!error) await_client();
    });
  }

  void await(Watched& one) {
    one.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [this, &one](const ErrorCode& error) {
                                if (error) return;
                                one.ready();
                                await(one);
                              });
  }

  void await(Ticking& one) {
    one.timer.expires_after(one.period);
    one.timer.async_wait([this, &one](const ErrorCode& error) {
      if (error) return;
      one.tick();
      await(one);
    });
  }

  std::size_t clients = 0;
  HttpServer::Handler handler;
  asio::io_context context{1};
  asio::posix::stream_descriptor listener;
  asio::steady_timer pause{context};
  int family = AF_INET;
  std::list<Watched> watched;
  std::list<Ticking> ticking;
};

HttpServer::HttpServer(UniqueFd listener, Handler handler)
    : loop_{std::make_unique<Loop>(std::move(listener), std::move(handler))} {}

HttpServer::~HttpServer() {
  // Not ours: its owner closes it.
  for (Loop::Watched& watched : loop_->watched) (void)watched.descriptor.release();
}

void HttpServer::watch(int fd, std::function<void()> ready) {
  Loop::Watched& made = loop_->watched.emplace_back(Loop::Watched{
      asio::posix::stream_descriptor{loop_->context, fd}, std::move(ready)});
  loop_->await(made);
}

void HttpServer::every(std::chrono::milliseconds period, std::function<void()> tick) {
  Loop::Ticking& made = loop_->ticking.emplace_back(
      Loop::Ticking{asio::steady_timer{loop_->context}, period, std::move(tick)});
  loop_->await(made);
}

void HttpServer::run() {
  loop_->context.run();
}

void HttpServer::stop() {
  loop_->context.stop();
}

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
// The exporter's loop: Boost.Asio waits, Boost.Beast parses and writes.
#include "metrics/http/http_server.h"

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <string_view>
#include <utility>

#include "base/process/passed_fds.h"
#include "metrics/http/http_session.h"

namespace monodon::metrics {

using ErrorCode = boost::system::error_code;

namespace {

// Out of descriptors: those that wait stay in the kernel meanwhile.
constexpr std::chrono::milliseconds kAcceptPause{500};

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
    "Content-Type: text/plain\r\nContent-Length: 37\r\n\r\n"
    "all connections are busy; try again.\n";

}  // namespace

struct HttpServer::Loop {
  struct Watched {
    asio::posix::stream_descriptor descriptor;
    std::function<void()> ready;
  };
  struct Ticking {
    asio::steady_timer timer;
    std::chrono::milliseconds pause;
    std::function<std::chrono::milliseconds()> tick;
  };

  Loop(UniqueFd socket, HttpServer::Handler handler, HostCheck host, Patience patience)
      : service{std::move(handler), std::move(host), patience},
        listener{context, socket.release()} {
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    if (::getsockname(listener.native_handle(), reinterpret_cast<sockaddr*>(&at),
                      &size) == 0)
      family = at.ss_family;
    // Names are for browsers, which do not get at a Unix socket.
    if (family == AF_UNIX) service.host = nullptr;
    await_client();
  }

  void await_client() {
    listener.async_wait(asio::posix::stream_descriptor::wait_read,
                        [this](const ErrorCode& error) {
                          if (!error) take_client();
                        });
  }

  void take_client() {
    UniqueFd client{::accept4(listener.native_handle(), nullptr, nullptr,
                              SOCK_CLOEXEC | SOCK_NONBLOCK)};
    const bool exhausted = !client && (errno == EMFILE || errno == ENFILE ||
                                       errno == ENOBUFS || errno == ENOMEM);
    if (client) begin(std::move(client));
    if (!exhausted) return await_client();
    pause.expires_after(kAcceptPause);
    pause.async_wait([this](const ErrorCode& error) {
      if (!error) await_client();
    });
  }

  void begin(UniqueFd client) {
    const bool guarded = family == AF_UNIX && !refuses_passed_fds(client.get());
    if (guarded) see_all_passed_fds(client.get());
    std::erase_if(sessions, [](const auto& one) { return one.expired(); });
    if (sessions.size() >= kMaxClients && !make_room()) {
      (void)::send(client.get(), kBusy.data(), kBusy.size(),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
      HttpSession::close(std::move(client), guarded);
      return;
    }
    Protocol::socket socket{context};
    ErrorCode error;
    socket.assign(Protocol{family, 0}, client.get(), error);
    if (error) return;
    (void)client.release();
    auto session = std::make_shared<HttpSession>(std::move(socket), service, guarded);
    sessions.push_back(session);
    session->begin();
  }

  // The one that has been waited for longest; nobody who is being answered.
  bool make_room() {
    std::shared_ptr<HttpSession> oldest;
    for (const auto& one : sessions)
      if (auto session = one.lock(); session && session->idle())
        if (!oldest || session->since() < oldest->since()) oldest = session;
    if (!oldest) return false;
    oldest->end();
    std::erase_if(sessions, [&](const auto& one) { return one.lock() == oldest; });
    return true;
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
    one.timer.expires_after(one.pause);
    one.timer.async_wait([this, &one](const ErrorCode& error) {
      if (error) return;
      one.pause = one.tick();
      await(one);
    });
  }

  HttpService service;
  asio::io_context context{1};
  asio::posix::stream_descriptor listener;
  asio::steady_timer pause{context};
  int family = AF_INET;
  std::list<std::weak_ptr<HttpSession>> sessions;
  std::list<Watched> watched;
  std::list<Ticking> ticking;
};

HttpServer::HttpServer(UniqueFd listener, Handler handler, HostCheck host,
                       Patience patience)
    : loop_{std::make_unique<Loop>(std::move(listener), std::move(handler),
                                   std::move(host), patience)} {}

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
  repeat([period, called = std::move(tick)] {
    called();
    return period;
  });
}

void HttpServer::repeat(std::function<std::chrono::milliseconds()> tick) {
  Loop::Ticking& made = loop_->ticking.emplace_back(
      Loop::Ticking{asio::steady_timer{loop_->context}, {}, std::move(tick)});
  loop_->await(made);
}

void HttpServer::run() {
  loop_->context.run();
}

asio::io_context& HttpServer::context() {
  return loop_->context;
}

void HttpServer::stop() {
  loop_->context.stop();
}

}  // namespace monodon::metrics

// SPDX-License-Identifier: Apache-2.0
// usage: raw PATH_OF_UNIX_SOCKET|PORT PROCESSES
//
// The least a server can do, as the limit for all others: epoll, accept, read a head,
// send a constant, and nothing else. No log, no deadlines, no counters.
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>

#include "base/net/unix_address.h"
#include "base/text/number.h"
#include "worker/http/parser.h"

namespace {

using namespace monodon;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Frame-Options: DENY\r\n"
    "Content-Length: 13\r\nServer: raw\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
constexpr std::string_view kKeep = "\r\nHello, world\n";
constexpr std::string_view kClose = "Connection: close\r\n\r\nHello, world\n";

class Server {
 public:
  explicit Server(int listener)
      : listener_{listener}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    watch(listener, EPOLLIN | EPOLLEXCLUSIVE);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 64> events;
    for (;;) {
      const int n = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_)
          accept();
        else
          serve(fd, true);
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    (void)::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) serve(fd, false);
  }

  // One request a call: as each head comes in one piece, what is not whole is refused.
  void serve(int fd, bool watched) {
    const ssize_t n = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) {
      if (!watched) watch(fd, EPOLLIN | EPOLLET);
      return;
    }
    std::size_t scanned = 0;
    const std::string_view input{buffer_.data(),
                                 static_cast<std::size_t>(n > 0 ? n : 0)};
    if (n <= 0 ||
        http::parse_head(input, {}, scanned, head_).state != http::Parse::complete) {
      (void)::close(fd);
      return;
    }
    const std::string_view rest = head_.keep_alive ? kKeep : kClose;
    char* const end = std::copy(kHead.begin(), kHead.end(), answer_.data());
    char* const last = std::copy(rest.begin(), rest.end(), end);
    (void)::send(fd, answer_.data(), static_cast<std::size_t>(last - answer_.data()),
                 MSG_NOSIGNAL);
    if (!head_.keep_alive)
      (void)::close(fd);
    else if (!watched)
      watch(fd, EPOLLIN | EPOLLET);
  }

  int listener_;
  int epoll_;
  std::array<char, 16 * 1024> buffer_;
  std::array<char, 512> answer_;
  http::RequestHead head_;
};

int listen_at_port(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Inherited by what is accepted.
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 4096) != 0)
    return -1;
  return fd;
}

int listen_at(std::string_view path) {
  if (const auto port = parse_number(path, 65535))
    return listen_at_port(static_cast<std::uint16_t>(*port));
  const auto address = UnixAddress::of_path(path);
  if (!address) return -1;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  (void)::unlink(std::string{path}.c_str());
  if (::bind(fd, address->data(), address->size()) != 0 || ::listen(fd, 4096) != 0)
    return -1;
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  const auto count = parse_number(argc == 3 ? argv[2] : "");
  const int listener = count ? listen_at(argv[1]) : -1;
  if (listener < 0) {
    fmt::print(stderr, "usage: raw PATH_OF_UNIX_SOCKET|PORT PROCESSES\n");
    return 2;
  }
  for (std::uint64_t i = 0; i < *count; ++i) {
    if (::fork() == 0) {
      (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::make_unique<Server>(listener)->run();
    }
  }
  while (::wait(nullptr) > 0) {
  }
  return 0;
}

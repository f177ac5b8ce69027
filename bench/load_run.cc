// SPDX-License-Identifier: Apache-2.0
#include "bench/load_run.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "base/clock.h"
#include "base/net/unix_address.h"
#include "bench/load_requests.h"

namespace monodon::bench {

namespace {

constexpr std::size_t kBuffer = 256 * 1024;
constexpr std::uint64_t kPatienceNs = 5'000'000'000;

bool would_block(int code) {
  return code == EAGAIN || code == EWOULDBLOCK;
}

}  // namespace

LoadRun::LoadRun(const LoadOptions& options)
    : options_{options},
      texts_{request_texts(options)},
      slow_text_{request_text(options, options.slow_path)},
      epoll_{::epoll_create1(EPOLL_CLOEXEC)},
      buffer_{new char[kBuffer]} {
  if (!options.unix_path.empty()) {
    const auto to = UnixAddress::of_path(options.unix_path);
    if (!to) throw std::runtime_error{"path of the socket is too long"};
    std::memcpy(&address_, to->data(), to->size());
    address_size_ = to->size();
  } else {
    auto& to = reinterpret_cast<sockaddr_in&>(address_);
    to.sin_family = AF_INET;
    to.sin_port = htons(options.port);
    if (::inet_pton(AF_INET, options.host.c_str(), &to.sin_addr) != 1)
      throw std::runtime_error{"not an IPv4 address: " + options.host};
    address_size_ = sizeof to;
  }
  for (unsigned i = 0; i < options.connections; ++i) {
    clients_.push_back(std::make_unique<Client>());
    free_.push_back(clients_.back().get());
  }
}

LoadRun::Due LoadRun::next_due(std::uint64_t now_ns) {
  // Drawn here, in the order of the requests, so every server gets the same ones.
  const bool slow =
      std::uniform_real_distribution{0.0, 100.0}(random_) < options_.slow_percent;
  return {now_ns, slow};
}

bool LoadRun::over(std::uint64_t now_ns) const {
  return now_ns >= end_ns_ || (options_.most != 0 && started_ >= options_.most);
}

LoadResult LoadRun::run() {
  begin_ns_ = monotonic_ns();
  end_ns_ = begin_ns_ + static_cast<std::uint64_t>(options_.seconds * 1e9);
  next_arrival_ns_ = static_cast<double>(begin_ns_);
  std::uint64_t now = begin_ns_;
  while (!over(now) || busy_ != 0 || !waiting_.empty()) {
    if (now > end_ns_ + kPatienceNs) break;
    if (options_.rate > 0) {
      arrivals(now);
    } else {
      while (!free_.empty() && !over(now)) {
        Client* c = free_.back();
        free_.pop_back();
        start(*c, next_due(monotonic_ns()));
      }
    }
    wait();
    now = monotonic_ns();
  }
  result_.unanswered = busy_ + waiting_.size();
  result_.seconds = static_cast<double>(now - begin_ns_) / 1e9;
  return std::move(result_);
}

void LoadRun::arrivals(std::uint64_t now_ns) {
  std::exponential_distribution between{options_.rate / 1e9};
  while (!over(std::max(now_ns, static_cast<std::uint64_t>(next_arrival_ns_))) &&
         next_arrival_ns_ <= static_cast<double>(now_ns)) {
    waiting_.push_back(next_due(static_cast<std::uint64_t>(next_arrival_ns_)));
    ++started_;
    next_arrival_ns_ += between(random_);
  }
  while (!waiting_.empty() && !free_.empty()) {
    Client* c = free_.back();
    free_.pop_back();
    start(*c, waiting_.front());
    waiting_.pop_front();
  }
}

void LoadRun::wait() {
  std::array<epoll_event, 256> events;
  timespec timeout{0, 100'000'000};
  if (options_.rate > 0) {
    const double left = next_arrival_ns_ - static_cast<double>(monotonic_ns());
    timeout.tv_nsec = static_cast<long>(std::clamp(left, 0.0, 1e8));
  }
  const int n =
      ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &timeout, nullptr);
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto& c = *static_cast<Client*>(event.data.ptr);
    if (c.busy && c.sent < c.request->size()) send(c);
    if (event.events != EPOLLOUT) receive(c);
  }
}

void LoadRun::start(Client& c, Due due) {
  if (options_.rate <= 0) ++started_;
  ++busy_;
  c.busy = true;
  c.slow = due.slow;
  c.due_ns = due.ns;
  c.sent = 0;
  c.request = due.slow ? &slow_text_ : &texts_[started_ % texts_.size()];
  c.response.start();
  if (!c.fd) connect(c);
  if (c.fd) send(c);
}

void LoadRun::connect(Client& c) {
  c.used = false;
  c.fd.reset(
      ::socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (address_.ss_family == AF_INET)
    (void)::setsockopt(c.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ++result_.connects;
  if (::connect(c.fd.get(), reinterpret_cast<const sockaddr*>(&address_),
                address_size_) != 0 &&
      errno != EINPROGRESS)
    return fail(c, result_.refused);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  // The request may not fit: a connection under way, or a large body.
  if (address_.ss_family == AF_INET || options_.body != 0) event.events |= EPOLLOUT;
  event.data.ptr = &c;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) != 0)
    throw std::system_error{errno, std::generic_category(), "watch connection"};
}

void LoadRun::send(Client& c) {
  while (c.sent < c.request->size()) {
    const ssize_t n = ::send(c.fd.get(), c.request->data() + c.sent,
                             c.request->size() - c.sent, MSG_NOSIGNAL);
    if (n < 0) {
      // A server may answer and close before it has read everything.
      if (errno == EPIPE) c.sent = c.request->size();
      return;
    }
    c.sent += static_cast<std::size_t>(n);
  }
}

void LoadRun::receive(Client& c) {
  while (c.fd) {
    const ssize_t n = ::recv(c.fd.get(), buffer_.get(), kBuffer, 0);
    if (n < 0 && would_block(errno)) return;
    if (!c.busy) {  // the server closed an idle connection
      c.fd.reset();
      return;
    }
    using State = ResponseReader::State;
    const auto size = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    const State state = n > 0    ? c.response.take({buffer_.get(), size})
                        : n == 0 ? c.response.end()
                                 : State::broken;
    if (state == State::whole) return finish(c);
    if (state == State::broken) {
      if (c.used && c.response.status() == 0) {
        // The keep-alive race; a proxy would ask again, and so do we.
        ++result_.retried;
        c.sent = 0;
        c.response.start();
        connect(c);
        if (c.fd) send(c);
        return;
      }
      return fail(c, result_.broken);
    }
    // More than it could take comes with another edge only if it was read up.
    if (size < kBuffer) return;
  }
}

void LoadRun::finish(Client& c) {
  (c.slow ? result_.slow : result_.fast).add(monotonic_ns() - c.due_ns);
  if (c.response.status() / 100 != 2) ++result_.status;
  c.used = true;
  if (!options_.keep_alive || c.response.closes()) c.fd.reset();
  release(c);
}

void LoadRun::fail(Client& c, std::uint64_t& counter) {
  ++counter;
  c.fd.reset();
  release(c);
}

void LoadRun::release(Client& c) {
  c.busy = false;
  --busy_;
  free_.push_back(&c);
}

}  // namespace monodon::bench

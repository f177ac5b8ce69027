// SPDX-License-Identifier: Apache-2.0
// Connections from the listeners, as long as there is room for them.
#include "worker/loop/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/process/closer.h"
#include "base/process/passed_fds.h"

namespace monodon::worker {

namespace {

constexpr std::uint64_t kPauseNs = 200'000'000;
constexpr std::uint64_t kLookAgainNs = 1'000'000'000;
constexpr std::uint64_t kTellAgainNs = 10'000'000'000;
// Descriptors that connections leave to the application: its files, its database.
constexpr rlim_t kReserve = 32;

// ... and to what one message of a stranger may bring (base/process/passed_fds.h).
constexpr rlim_t kReserveGuarded = kReserve + kMaxPassedFds;

// New descriptors get the lowest free number: from this one on, the reserve is touched.
int first_reserved(rlim_t reserve) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
    return INT_MAX;
  return static_cast<int>(limit.rlim_cur - std::min(reserve, limit.rlim_cur / 4));
}

// By any process that has it, for all (shutdown(2)). A TCP socket may listen again, see
// master/handover/listener_watch.h.
bool is_shut_down(int listener) noexcept {
  pollfd look{listener, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) != 0;
}

bool guards_any(const std::vector<UniqueFd>& listeners, const Boot& boot) {
  for (std::size_t i = 0; i < listeners.size(); ++i)
    if (boot.listeners[i].unix_socket && !refuses_passed_fds(listeners[i].get()))
      return true;
  return false;
}

}  // namespace

Acceptor::Acceptor(int epoll, std::vector<UniqueFd>& listeners, const Boot& boot,
                   std::uint64_t first_tag, const http::Forwarding& forwarding)
    : epoll_{epoll},
      listeners_{listeners},
      boot_{boot},
      first_tag_{first_tag},
      forwarding_{forwarding} {
  sockaddr_storage unix_address{};
  unix_address.ss_family = AF_UNIX;
  unix_peer_ = forwarding.identify(unix_address);
  prefaced_ = forwarding.proxy_versions() != http::ProxyVersions::none;
  reserve_ = guards_any(listeners, boot) ? kReserveGuarded : kReserve;
  first_reserved_ = first_reserved(reserve_);
}

void Acceptor::control(int operation) {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.u64 = first_tag_ + i;
    if (operation == EPOLL_CTL_ADD && is_shut_down(listeners_[i].get())) {
      resume_ns_.store(monotonic_ns() + kLookAgainNs, std::memory_order_relaxed);
      continue;
    }
    if (::epoll_ctl(epoll_, operation, listeners_[i].get(), &event) == 0) continue;
    // Twice in or twice out is what pausing and leaving at the same time look like.
    if (errno != EEXIST && errno != ENOENT)
      log::error(last_error("watch listener").message(),
                 {log::Id::resources_short, {"listener", boot_.listeners[i].address}});
  }
}

void Acceptor::listen() {
  control(EPOLL_CTL_ADD);
}

void Acceptor::look_again() {
  if (left_ || paused()) return;
  control(EPOLL_CTL_DEL);
  control(EPOLL_CTL_ADD);
}

void Acceptor::leave() {
  left_ = true;
  control(EPOLL_CTL_DEL);
}

Connection* Acceptor::accept(std::size_t listener, ConnectionPool& pool) {
  if (left_ || listener >= listeners_.size()) return nullptr;
  const bool unix_socket = boot_.listeners[listener].unix_socket;
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int fd = ::accept4(listeners_[listener].get(),
                           unix_socket ? nullptr : reinterpret_cast<sockaddr*>(&from),
                           unix_socket ? nullptr : &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const int code = errno;
    if (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM)
      pause(code);
    // A Unix socket says EAGAIN for ever, a TCP one EINVAL.
    if (is_shut_down(listeners_[listener].get())) lose(listener);
    // Others (EAGAIN, ECONNABORTED, EINTR, network errors of the new connection, see
    // accept(2)) concern that connection alone.
    return nullptr;
  }
  UniqueFd owned{fd};
  if (fd >= first_reserved_.load(std::memory_order_relaxed)) pause(EMFILE);
  Connection* c = pool.take();
  if (c == nullptr) {
    pause(ENOBUFS);
    return nullptr;
  }
  c->fd = std::move(owned);
  c->listener = static_cast<std::uint16_t>(listener);
  c->peer = unix_socket ? unix_peer_ : forwarding_.identify(from);
  if (prefaced_) c->stage.store(Stage::preface, std::memory_order_relaxed);
  if (unix_socket) {
    // What it sent before the master closed the socket to that is there already.
    c->guarded = !refuses_passed_fds(fd);
    if (c->guarded) see_all_passed_fds(fd);
  } else {
    const int on = 1;  // a response goes out in one piece; nothing is worth waiting for
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return c;
}

Connection* Acceptor::adopt(Handoff& what, ConnectionPool& pool) {
  UniqueFd fd = std::move(what.fd);
  const std::size_t listener = what.listener;
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const bool fits =
      listener < boot_.listeners.size() &&
      ::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&from), &size) == 0;
  Connection* c = fits ? pool.take() : nullptr;
  if (c == nullptr) {
    Closer::of_process().close(std::move(fd));
    return nullptr;
  }
  c->fd = std::move(fd);
  c->foreign = true;
  c->guarded = from.ss_family == AF_UNIX;
  c->listener = static_cast<std::uint16_t>(listener);
  c->peer = from.ss_family == AF_UNIX ? unix_peer_ : forwarding_.identify(from);
  c->proxied = !what.client.empty() && prefaced_;
  if (c->proxied)
    c->peer = forwarding_.identify(what.client, what.client_port);
  else if (prefaced_ && !what.kept)
    c->stage.store(Stage::preface, std::memory_order_relaxed);
  return c;
}

// It would be told of without end. The master says that it is lost.
void Acceptor::lose(std::size_t listener) {
  (void)::epoll_ctl(epoll_, EPOLL_CTL_DEL, listeners_[listener].get(), nullptr);
  resume_ns_.store(monotonic_ns() + kLookAgainNs, std::memory_order_relaxed);
}

void Acceptor::pause(int code) {
  const std::uint64_t now = monotonic_ns();
  control(EPOLL_CTL_DEL);
  resume_ns_.store(now + kPauseNs, std::memory_order_relaxed);
  pauses_.fetch_add(1, std::memory_order_relaxed);
  if (told_ns_ != 0 && now - told_ns_ < kTellAgainNs) return;
  told_ns_ = now;
  log::error("accepting pauses for 200 ms: " + Error{"accept", code}.message() +
                 "; connections wait in the backlog",
             {log::Id::resources_short});
}

void Acceptor::end_pause(std::uint64_t now_ns) {
  const std::uint64_t at = resume_ns_.load(std::memory_order_relaxed);
  if (at == 0 || now_ns < at) return;
  // The limit may have been changed from outside (prlimit(1)).
  first_reserved_.store(first_reserved(reserve_), std::memory_order_relaxed);
  const UniqueFd probe{::fcntl(epoll_, F_DUPFD_CLOEXEC, 0)};
  if (!probe || probe.get() >= first_reserved_.load(std::memory_order_relaxed)) {
    resume_ns_.store(now_ns + kPauseNs, std::memory_order_relaxed);
    return;
  }
  resume_ns_.store(0, std::memory_order_relaxed);
  if (!left_) control(EPOLL_CTL_ADD);
}

}  // namespace monodon::worker

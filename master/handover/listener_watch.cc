// SPDX-License-Identifier: Apache-2.0
// A listener that a worker shut down is found out, and mended where that can be done.
#include "master/handover/listener_watch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"

namespace monodon::master {

namespace {

// Who does it again and again must not fill the log.
constexpr std::chrono::seconds kPause{10};

// Of a TCP socket that listens; 0 of others (tcp_diag.c, "sk_max_ack_backlog").
int backlog_of(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0
             ? static_cast<int>(info.tcpi_sacked)
             : 0;
}

}  // namespace

ListenerWatch::ListenerWatch(EventLoop& loop, const std::vector<Listener>& listeners)
    : again_{loop.on_time([this] {
        for (const Watched& one : watched_) EventLoop::enable(one.shut_down, !one.lost);
      })} {
  for (const Listener& listener : listeners) {
    Watched& one =
        watched_.emplace_back(Watched{&listener, backlog_of(listener.fd.get()), {}});
    // Not EPOLLIN: the connections are the workers'.
    auto made = loop.try_io(
        listener.fd.get(), EventLoop::Rank::normal, [this, &one] { on_shut_down(one); },
        EPOLLRDHUP);
    if (made) one.shut_down = std::move(made).value();
  }
}

void ListenerWatch::on_shut_down(Watched& one) {
  // A level: it would be told of without end.
  EventLoop::enable(one.shut_down, false);
  const std::string what = "a process of this site shut down " +
                           one.listener->info.address + ", which all workers share";
  if (one.listener->info.unix_socket ||
      ::listen(one.listener->fd.get(), one.backlog) != 0) {
    log::critical(what +
                      "; nobody can connect there until the server is restarted, and "
                      "its socket unit if it has one",
                  {log::Id::handoff_lost});
    one.lost = true;
    return;
  }
  log::error(what + "; it listens again", {log::Id::handoff_lost});
  EventLoop::arm(again_, Clock::now() + kPause);
}

}  // namespace monodon::master

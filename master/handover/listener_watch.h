// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <vector>

#include "master/system/event_loop.h"
#include "master/system/listener.h"

namespace monodon::master {

// Sees when a process of the site shuts a listener down: shutdown(2) on its copy is for
// all who have one, systemd too, and nobody could connect any more. Says so, and makes
// a TCP socket listen again, for which workers look (Acceptor::end_pause); a Unix
// socket cannot. Master only, in its loop, which outlives it.
class ListenerWatch {
 public:
  // `listeners` must outlive it and not move.
  ListenerWatch(EventLoop& loop, const std::vector<Listener>& listeners);

 private:
  struct Watched {
    const Listener* listener;
    int backlog;
    EventLoop::OnIo shut_down;
    bool lost = false;
  };

  void on_shut_down(Watched& one);

  std::list<Watched> watched_;
  EventLoop::OnTime again_;
};

}  // namespace monodon::master

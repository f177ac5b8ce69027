// SPDX-License-Identifier: Apache-2.0
// How kept-alive connections spread over the workers.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "worker/loop/loop.h"

namespace monodon::worker {

// Whoever waits first gets a new connection, and keeps it; so one worker may have most
// of them. When several of its connections have something to read at once, the last of
// them, whose wait would be the longest, goes to a worker that has nothing to do, and
// stays there. Nobody has to know how many connections the others have: the idle one
// is the one that takes it. What is in the queue already was not taken, so nobody is.
void Loop::share_surplus() {
  if (!service_time_.worth_moving(batch_end_ - batch_next_)) return;
  if (settings_.workers < 2 || drain_.under_way()) return;
  int queued = 0;
  if (::ioctl(heritage_.handoff_send.get(), SIOCOUTQ, &queued) != 0 || queued != 0)
    return;
  for (std::size_t i = batch_end_; i-- > batch_next_;) {
    const epoll_event event = batch_[i];
    if (event.data.u64 < kListenersEnd || event.events != EPOLLIN) continue;
    auto& c = *static_cast<Connection*>(event.data.ptr);
    batch_[i] = batch_[--batch_end_];
    if (c.ownership.claim() && !hand_over(c)) ready_.push_back(&c);
    return;
  }
}

}  // namespace monodon::worker

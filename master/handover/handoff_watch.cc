// SPDX-License-Identifier: Apache-2.0
// A handoff pair that a worker shut down is found out and replaced.
#include "master/handover/handoff_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/process/close_elsewhere.h"
#include "master/handover/fd_store.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr auto kReplacePause = 100ms;
constexpr auto kTellPause = 100ms;

}  // namespace

HandoffWatch::HandoffWatch(Kernel& kernel, EventLoop& loop, const Estate& estate)
    : kernel_{kernel}, loop_{loop}, estate_{estate} {
  watch();
}

void HandoffWatch::watch() {
  const auto one = [this](int fd) {
    auto made = loop_.try_io(
        fd, EventLoop::Rank::normal,
        [this] {
          // A level: it would be told of without end.
          EventLoop::enable(send_, false);
          EventLoop::enable(receive_, false);
          broken_ = true;
        },
        EPOLLRDHUP);
    return made ? std::move(made).value() : EventLoop::OnIo{};
  };
  if (estate_.handoff_send >= 0) send_ = one(estate_.handoff_send);
  if (estate_.handoff_receive >= 0) receive_ = one(estate_.handoff_receive);
}

void HandoffWatch::tick(const std::list<Nursery::Child>& zygotes) {
  if (broken_ && kernel_.now() >= replace_at_) replace();
  tell(zygotes);
}

void HandoffWatch::replace() {
  replace_at_ = kernel_.now() + kReplacePause;
  auto made = make_handoff();
  if (!made) return;
  send_ = {};
  receive_ = {};
  // What waits in the queue of the old pair ends with it, and that may take as long as
  // whoever put it there likes.
  std::vector<UniqueFd> old;
  const std::array<std::pair<int, int>, 2> ends{
      {{made.value().send.get(), estate_.handoff_send},
       {made.value().receive.get(), estate_.handoff_receive}}};
  for (const auto& [from, to] : ends) {
    old.emplace_back(::fcntl(to, F_DUPFD_CLOEXEC, 0));
    (void)::dup3(from, to, O_CLOEXEC);
  }
  close_elsewhere(std::move(old));
  if (estate_.stored) store_anew(estate_.handoff_send, estate_.handoff_receive);
  broken_ = false;
  ++pairs_;
  watch();
  log::error(
      "a worker shut down the sockets over which workers hand connections to each "
      "other; workers to come get new ones, the others get them by a reload",
      {log::Id::handoff_lost});
}

void HandoffWatch::tell(const std::list<Nursery::Child>& zygotes) {
  tell_at_ = Clock::time_point::max();
  if (pairs_ == 0) return;
  std::map<int, unsigned> told;
  const std::array<int, 2> fds{estate_.handoff_send, estate_.handoff_receive};
  for (const Nursery::Child& zygote : zygotes) {
    if (!zygote.alive || !zygote.process.channel) continue;
    unsigned& seen = told[zygote.process.pid] = told_[zygote.process.pid];
    if (seen == pairs_) continue;
    const auto sent = kernel_.tell(
        zygote.process,
        {.kind = wire::Kind::handoff_pair, .generation = zygote.generation}, fds);
    if (sent || !wire::may_pass(sent.error()))
      seen = pairs_;
    else
      tell_at_ = kernel_.now() + kTellPause;
  }
  told_ = std::move(told);
}

Clock::time_point HandoffWatch::next_wakeup() const {
  return broken_ ? std::min(tell_at_, replace_at_) : tell_at_;
}

}  // namespace monodon::master

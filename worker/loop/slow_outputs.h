// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/loop/event_set.h"
#include "worker/loop/exchange.h"

namespace monodon::worker {

class Loop;

// Responses that their clients take slowly, which the keeper finishes: an epoll set of
// their own, so that the leader's is only for what it can act on. The keeper waits here
// between its rounds.
class SlowOutputs final : public Exchange::Finisher {
 public:
  // `loop` is used by wait() only, and outlives it.
  explicit SlowOutputs(Loop& loop) : loop_{loop} {}

  [[nodiscard]] bool watch_output(Connection& c) override;
  // Owner, once the application is done: from here on the keeper owns it. False: there
  // is nothing left to send; still the caller's, but not to be kept alive any more if
  // the response broke off.
  [[nodiscard]] bool finish(Connection& c, bool& keep_alive);

  // The keeper. Waits up to `timeout_ms`; returns when something was done or somebody
  // woke us.
  void wait(int timeout_ms);
  // The keeper: the client of a response that is not complete has taken nothing for
  // write_timeout; its application hears that it is gone.
  void give_up(Connection& c);
  void wake() noexcept { events_.wake(); }  // any thread
  void let_go() noexcept { events_.let_go(); }

 private:
  void writable(Connection& c);
  void tell_of_room(Connection& c);

  Loop& loop_;
  EventSet events_{0};
};

}  // namespace monodon::worker
